// What check.py asks of an open page. Every fault is one sentence.
globalThis.look = (() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (element) => element.getClientRects().length > 0;
  const name = (element) => element.closest("[id]:not([id^=MathJax], svg *)")?.id ?? element.tagName.toLowerCase();
  const rest = (ms) => new Promise((done) => setTimeout(done, ms));
  const box = (element) => element.getBoundingClientRect();

  const unsettled = () =>
    all(".plotly-figure > script").some((script) => seen(script.parentElement)) ||
    all("video").some((video) => seen(video) && video.readyState < 2) ||
    [...document.images].some((image) => seen(image) && !image.complete);

  // Scrolls through the page, so that what is drawn late is drawn, then waits for maths, figures and clips.
  const settle = async () => {
    for (let y = 0; y < document.body.scrollHeight; y += 700) {
      scrollTo(0, y);
      await rest(25); // more than a frame
    }
    await window.MathJax?.startup?.promise;
    for (let turn = 0; turn < 600 && unsettled(); turn++) await rest(50);
    scrollTo(0, 0);
    await rest(150);
  };

  // Opens what is folded, and says how much that was.
  const unfold = () => {
    const folded = all("details:not([open])");
    folded.forEach((part) => (part.open = true));
    return folded.length;
  };

  const luminance = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return alpha < 0.5 ? null : 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = luminance(getComputedStyle(at).backgroundColor);
      if (found !== null) return found;
    }
    return 1;
  };
  const contrast = (text) => {
    const pair = [luminance(getComputedStyle(text).fill) ?? 1, ground(text.closest(".plotly-figure"))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  };

  const figures = function* () {
    for (const figure of all(".plotly-figure").filter(seen)) {
      const [whole, svg] = [box(figure), figure.querySelector(".main-svg")];
      if (!figure._fullData?.length) yield `figure without traces near #${name(figure)}`;
      else if (!svg || !box(svg).width || !box(svg).height) yield `figure without size near #${name(figure)}`;
      for (const title of figure.querySelectorAll(".gtitle")) {
        const { left, right, top } = box(title);
        if (right > whole.right + 1 || left < whole.left - 1 || top < whole.top - 1)
          yield `figure title cut near #${name(figure)}: ${title.textContent}`;
      }
      for (const text of figure.querySelectorAll(".main-svg text:not(.bartext)")) // bars are their own ground
        if (seen(text) && contrast(text) < 4.5) yield `figure text hardly seen near #${name(figure)}: ${text.textContent}`;
    }
  };

  const media = function* () {
    for (const video of all("video"))
      if (seen(video) && video.readyState === 0) yield `clip that does not load near #${name(video)}`;
    for (const image of document.images)
      if (seen(image) && !image.naturalWidth) yield `picture that does not load: ${image.src.slice(0, 80)}`;
  };

  const maths = function* () {
    for (const part of all(".math"))
      if (seen(part) && !part.querySelector("mjx-container"))
        yield `maths not typeset: ${part.textContent.slice(0, 60)}`;
    for (const error of all("mjx-merror, [data-mml-node=merror]")) yield `maths with an error near #${name(error)}`;
    for (const svg of all("div.math mjx-container > svg"))
      if (box(svg).left < box(svg.closest("div.math")).left - 2) yield `maths cut on the left near #${name(svg)}`;
  };

  const markup = function* () {
    const left = /\$[^$\n]*\\[a-z]+[^$\n]*\$|^:::|\{(cite|eq|term|src|numref)[:}]/;
    const texts = document.createTreeWalker(document.querySelector("main") ?? document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { parentElement, data } = texts.currentNode;
      if (left.test(data) && !parentElement.closest("pre, code, script, svg, mjx-container"))
        yield `markup left over: ${data.trim().slice(0, 60)}`;
    }
  };

  const width = function* () {
    const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (over <= 1) return;
    const wide = all("main *").filter((element) => box(element).right > innerWidth + 1);
    const names = wide.slice(0, 3).map((element) => `${element.tagName}.${element.className}`.slice(0, 60));
    yield `page scrolls sideways by ${over} px: ${names.join(", ")}`;
  };

  const faults = () => [figures, media, maths, markup, width].flatMap((part) => [...part()]);
  return { settle, unfold, faults };
})();
