// Draws each plotly figure when it comes near the window, with one plotly.min.js for the site, loaded on first need.
// Keeps it fitting: text in the page's own grey, titles broken to the width there is, sizes scaled down on a phone.
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const here = document.currentScript.src;
  let library;

  const plotly = () => (library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("vendor/plotly.min.js", here).href;
    script.onload = () => resolve(window.Plotly);
    script.onerror = reject;
    document.head.append(script);
  }));

  const inkOfPage = () => getComputedStyle(document.documentElement).getPropertyValue("--figure-ink").trim();

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
    layout.font = { ...layout.font, color: inkOfPage() || font.color };
    if (layout.width > width && layout.height) { // what is drawn shrinks, the rim of text around it does not
      const margin = { ...template.margin, ...layout.margin };
      const rim = (margin.t ?? 48) + (margin.b ?? 8);
      layout.height = Math.round(rim + (layout.height - rim) * width / layout.width);
    }
    delete layout.width;
    layout.autosize = true;
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

  const draw = async (box) => {
    const { data, layout, frames } = JSON.parse(box.querySelector("script").textContent);
    const Plotly = await plotly();
    box.replaceChildren();
    let width = box.clientWidth;
    const config = { responsive: false, displaylogo: false, displayModeBar: false };
    await Plotly.newPlot(box, data, fitted(layout ?? {}, width), config);
    if (frames?.length) await Plotly.addFrames(box, frames);
    box.style.minHeight = "";
    const again = () => {
      const { font, title, margin, height } = fitted(layout ?? {}, (width = box.clientWidth));
      Plotly.relayout(box, { "font.color": font.color, title: title ?? {}, margin: margin ?? {}, height, width });
    };
    new ResizeObserver(() => box.clientWidth && Math.abs(box.clientWidth - width) > 1 && again()).observe(box);
    new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  };

  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => (near.unobserve(target), draw(target))),
    { rootMargin: "600px" },
  );
  document.querySelectorAll(".plotly-figure").forEach((box) => near.observe(box));
  addEventListener("beforeprint", () => document.querySelectorAll(".plotly-figure:has(> script)").forEach((box) => (near.unobserve(box), draw(box))));

  if (still) for (const video of document.querySelectorAll("video[autoplay]")) (video.removeAttribute("autoplay"), video.pause());
})();
