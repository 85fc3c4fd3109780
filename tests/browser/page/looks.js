// What of a page's text cannot be read.
const about = (one) => `${one.className || one.tagName} ${one.textContent.slice(0, 30)}`;
const drawn = (one) => one.getClientRects().length && !one.closest("select, [aria-hidden=true]");

/** Texts that are larger than their boxes. */
window.clipped = () => [...document.querySelectorAll("main *")].filter((one) => {
  if (!one.textContent.trim() || !drawn(one) || getComputedStyle(one).display === "inline") return false;
  return one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1;
}).map((one) => `${about(one)} ${[one.scrollWidth, one.clientWidth, one.scrollHeight, one.clientHeight]}`);

/** Pairs of texts and controls that lie over each other. */
window.overlapping = () => {
  const holdsText = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  const leaves = [...document.querySelectorAll("main *")].filter((one) =>
    drawn(one) && (one.matches("button, select, input, canvas") || holdsText(one)));
  const boxes = leaves.map((one) => [one, one.getBoundingClientRect()]), found = [];
  boxes.forEach(([a, x], i) => boxes.slice(i + 1).forEach(([b, y]) => {
    if (a.contains(b) || b.contains(a)) return;
    const [wide, tall] = [Math.min(x.right, y.right) - Math.max(x.left, y.left), Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top)];
    if (wide > 1 && tall > 1) found.push(`${about(a)} over ${about(b)}`);
  }));
  return found;
};
