import { make } from "./dom.js";

const MOST = 5;

// Class probabilities before and after heads were switched off: a line before, filled after.
export const bars = (labels, before, after) =>
  Object.keys(labels).map((name) => {
    const was = before[name];
    const now = after?.[name] ?? was;
    const best = (list) => list.map((value, n) => [value, n]).sort((a, b) => b[0] - a[0]).slice(0, MOST).map(([, n]) => n);
    const shown = [...new Set([...best(was).slice(0, after ? 4 : MOST), ...(after ? best(now).slice(0, 2) : [])])];
    const rows = shown.sort((a, b) => was[b] - was[a]).map((n) => {
      const percent = (value) => `${(100 * value).toFixed(1)} %`;
      const number = after ? `${percent(was[n])} → ${percent(now[n])}` : percent(was[n]);
      const fill = make("span", { className: "fill" });
      fill.style.width = `${100 * now[n]}%`;
      const ghost = make("span", { className: "ghost" });
      ghost.style.width = `${100 * was[n]}%`;
      const track = make("span", { className: "track", aria: { hidden: true } }, fill, ghost);
      return make("li", { className: "class" }, make("span", { className: "name" }, labels[name][n]), track, make("span", { className: "number" }, number));
    });
    return make("div", { className: "bars" }, make("p", { className: "title" }, name), make("ul", {}, ...rows));
  });
