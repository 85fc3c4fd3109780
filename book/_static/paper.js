// A page on its way to paper: in light colours, whatever the reader's screen has, with every figure; then all as before.
(() => {
  const page = document.documentElement;
  const printing = matchMedia("print");
  let before = null; // what the screen had, while the page is on paper

  const toPaper = () => {
    if (before) return;
    before = { theme: page.dataset.theme, folded: [] };
    page.dataset.theme = "light";
    for (const part of document.querySelectorAll("details:not([open]):has(.plotly-figure)")) {
      before.folded.push(part);
      part.open = true;
    }
    document.dispatchEvent(new Event("to-paper"));
  };

  const fromPaper = () => {
    if (!before) return;
    const { theme, folded } = before;
    before = null;
    page.dataset.theme = theme;
    for (const part of folded) part.open = false;
    document.dispatchEvent(new Event("from-paper"));
  };

  // A film leaves a hole in the paper, poster or not: its first frame waits beside it as a picture.
  for (const clip of document.querySelectorAll("video[poster]")) {
    const still = Object.assign(new Image(clip.width, clip.height), { src: clip.poster, alt: clip.title, className: "clip-still" });
    clip.before(still);
  }

  addEventListener("beforeprint", toPaper);
  addEventListener("afterprint", fromPaper);
  printing.addEventListener("change", () => (printing.matches ? toPaper() : fromPaper())); // where those are not told
})();
