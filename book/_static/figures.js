// Draws each plotly figure when it comes near the window, the others when the browser has nothing to do, and all of
// them at once for paper, with one plotly.min.js for the site. Keeps them fitting: text in colours that are legible on
// the page, titles broken to the width there is, sizes scaled down on a phone.
(() => {
  const PAPER = 640; // pixels: what A4 and Letter hold between their margins
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const boxes = [...document.querySelectorAll(".plotly-figure")];
  const drawn = new Map();
  let paper = false;

  const styleOfPage = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // "A long finding in one sentence" -> the same with <br> where the width ends; marked-up titles are left alone.
  const broken = (text, width, size, family) => {
    const pen = (broken.canvas ??= document.createElement("canvas")).getContext("2d");
    pen.font = `${size}px ${family}`;
    const lines = [[]];
    for (const word of text.split(" ")) {
      const line = [...lines.at(-1), word];
      if (lines.at(-1).length && pen.measureText(line.join(" ")).width > width) lines.push([word]);
      else lines[lines.length - 1] = line;
    }
    return lines.map((line) => line.join(" ")).join("<br>");
  };

  // The layout for a box of this width, from the author's layout.
  const fitted = (author, width) => {
    const layout = structuredClone(author);
    const template = layout.template?.layout ?? {};
    const font = { ...template.font, ...layout.font };
    layout.font = { ...layout.font, color: styleOfPage("--figure-ink") || font.color };
    if (layout.width > width && layout.height) { // what is drawn shrinks, the rim of text around it does not
      const margin = { ...template.margin, ...layout.margin };
      const rim = (margin.t ?? 48) + (margin.b ?? 8);
      layout.height = Math.round(rim + (layout.height - rim) * width / layout.width);
    }
    layout.width = width;
    const title = typeof layout.title === "string" ? { text: layout.title } : layout.title;
    const size = title?.font?.size ?? template.title?.font?.size ?? 15;
    if (title?.text && !title.text.replaceAll(/<br ?\/?>/g, "").includes("<")) {
      const lines = title.text.split(/<br ?\/?>/).map((line) => broken(line, width - 16, size, font.family ?? "sans-serif")).join("<br>");
      const count = lines.split("<br>").length;
      const top = layout.margin?.t ?? template.margin?.t ?? 56;
      const room = Math.max(0, count - title.text.split(/<br ?\/?>/).length) * size * 1.3;
      const pad = { ...template.title?.pad, ...title.pad };
      if (count > 1) pad.t = (pad.t ?? 0) + 0.7 * size; // plotly sets the first of several lines too high by this
      layout.title = { ...title, text: lines, pad };
      layout.margin = { ...layout.margin, t: top + room };
      if (layout.height) layout.height += room;
    }
    if (still) for (const slider of layout.sliders ?? []) slider.transition = { duration: 0 };
    return layout;
  };

  const widthOf = (box) => (paper ? PAPER : box.clientWidth);
  const lookOf = (box) => `${widthOf(box)} ${document.documentElement.dataset.theme}`;
  const tint = (words) => {
    const ground = styleOfPage("--pst-color-background") || "#fff";
    for (const { font, colour } of words) font.color = legible.on(ground, colour);
  };
  const coloursOf = (words) => Object.fromEntries(words.map(({ path, font }) => [path, font.color]));

  // The layout as it is drawn now, and its words.
  const shownIn = (box, author) => {
    const layout = fitted(author, widthOf(box));
    const words = [...legible.fonts(layout)];
    tint(words);
    return { layout, words };
  };

  // Draws a figure without waiting for anything, so that a page on its way to paper has it.
  const draw = (box) => {
    const spec = box.querySelector(":scope > script");
    if (!spec || !window.Plotly || !widthOf(box)) return;
    near.unobserve(box);
    const { data, layout, frames } = JSON.parse(spec.textContent);
    const figure = { author: layout ?? {}, look: lookOf(box), traces: data.map((trace) => [...legible.fonts(trace)]) };
    figure.traces.forEach(tint);
    box.replaceChildren();
    box.style.minHeight = "";
    drawn.set(box, figure);
    Plotly.newPlot(box, data, shownIn(box, figure.author).layout, { responsive: false, displaylogo: false, displayModeBar: false });
    if (frames?.length) Plotly.addFrames(box, frames);
    new ResizeObserver(() => fit(box)).observe(box);
    document.dispatchEvent(new CustomEvent("figure-drawn", { detail: box }));
  };

  // Gives a drawn figure the width and the colours that the page has now.
  const fit = (box) => {
    const figure = drawn.get(box);
    if (!figure || !widthOf(box) || figure.look === lookOf(box)) return;
    figure.look = lookOf(box);
    figure.traces.forEach((words, trace) => {
      tint(words);
      if (words.length) Plotly.restyle(box, coloursOf(words), [trace]);
    });
    const { layout, words } = shownIn(box, figure.author);
    const { title = {}, margin = {}, height, width } = layout;
    const others = words.filter(({ path }) => !path.startsWith("title.")); // those of the title come with it
    Plotly.relayout(box, { ...coloursOf(others), title, margin, height, width });
  };

  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => draw(target)),
    { rootMargin: "600px" },
  );

  // One figure after another, so that the page answers between them; what is folded waits until it is opened.
  const drawTheRest = () => {
    const box = boxes.find((one) => !drawn.has(one) && one.clientWidth);
    if (box) (window.requestIdleCallback ?? setTimeout)(() => (draw(box), drawTheRest()));
  };

  // A picture is decoded in its own time, and what is asked for now the page's load event waits for.
  const begin = () => {
    for (const box of boxes) {
      if (paper || box.matches(".holds-picture")) draw(box);
      if (!drawn.has(box)) near.observe(box); // what is folded too: it is drawn when it is opened
    }
    new MutationObserver(() => boxes.forEach(fit)).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    if (document.readyState === "complete") drawTheRest();
    else addEventListener("load", drawTheRest);
  };

  if (boxes.length) {
    const script = document.createElement("script");
    script.src = new URL("vendor/plotly.min.js", document.currentScript.src).href;
    script.onload = begin;
    document.head.append(script);
  }
  document.addEventListener("to-paper", () => ((paper = true), boxes.forEach(draw), boxes.forEach(fit)));
  document.addEventListener("from-paper", () => ((paper = false), boxes.forEach(fit)));

  if (still) for (const video of document.querySelectorAll("video[autoplay]")) (video.removeAttribute("autoplay"), video.pause());
})();
