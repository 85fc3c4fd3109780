import { choice, make, slide, toggle, told } from "./dom.js";
import { paint, paintScale } from "./paint.js";
import { fuse, isClassToken, onGrid } from "./rows.js";

const FUSED = { mean: "mean of heads", max: "maximum of heads", min: "minimum of heads" };

// One view of the clip: which attention, a stage for the moment shown, a film of all times, a scale and a sentence.
export class Panel {
  constructor(shell, index) {
    Object.assign(this, { shell, index, row: null });
    const change = (part) => shell.changePanel(index, part);
    this.model = choice("model ", (value) => change({ model: Number(value) }));
    this.kinds = make("div", { className: "kinds", role: "group", aria: { label: "attention over" } });
    this.layer = slide("layer ", { max: 0 }, (value) => change({ name: this.names()[value] }));
    this.head = choice("", (value) => change({ head: value in FUSED ? value : Number(value) }));
    this.head.select.setAttribute("aria-label", "head");
    this.stage = make("canvas", { className: "stage", role: "img" });
    this.film = make("div", { className: "film" });
    this.bar = make("canvas", { className: "bar", width: 240, height: 10, role: "img" });
    this.ends = make("span", { className: "ends" });
    this.said = make("p", { className: "said" });
    this.hover = make("p", { className: "hover" });
    const row = make("div", { className: "row" }, this.model.whole, this.kinds, this.layer.whole, this.head.whole);
    const scale = make("div", { className: "scale" }, make("span", {}, "0"), this.bar, this.ends);
    const view = make("div", { className: "view" }, this.stage, make("div", { className: "side" }, this.film));
    this.whole = make("section", { className: "panel", aria: { label: `view ${index + 1}` } }, row, view, scale, this.hover, this.said);
    this.whole.addEventListener("pointerdown", () => shell.activate(index));
    this.whole.addEventListener("focusin", () => shell.activate(index));
    this.listen(this.stage, () => shell.timeOf(shell.frame));
    this.size();
  }

  // A click moves the query, a pointer above reads the number.
  listen(canvas, time) {
    const cell = (event) => {
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const [, nh, nw] = this.shell.about.grid;
      const inside = (part, count) => Math.max(0, Math.min(count - 1, Math.floor(part * count)));
      return [time(), inside((event.clientY - top) / height, nh), inside((event.clientX - left) / width, nw)];
    };
    canvas.onclick = (event) => this.shell.ask(cell(event));
    canvas.onpointermove = (event) => this.tell(cell(event));
    canvas.onpointerleave = () => this.tell(null);
  }

  // Canvases for the clip as it is; again when another clip comes.
  size() {
    const { about, frames } = this.shell;
    const { width, height } = frames[0];
    const fit = (canvas, wish) => {
      const times = Math.max(1, Math.round(wish / width));
      Object.assign(canvas, { width: width * times, height: height * times });
    };
    fit(this.stage, 384);
    this.thumbs = about.owned.map((owned, time) => {
      const canvas = make("canvas", { className: "thumb", data: { time } });
      fit(canvas, 112);
      this.listen(canvas, () => time);
      return canvas;
    });
    const seconds = (time) => `${Number((about.owned[time][0] / about.fps).toFixed(2))}${time ? "" : " s"}`;
    const across = Math.ceil(about.owned.length / Math.ceil(about.owned.length / 6)); // rows of one length, six at most
    this.film.style.setProperty("--vve-across", across);
    this.film.replaceChildren(
      ...this.thumbs.map((canvas, time) => make("figure", { className: "cell" }, canvas, make("figcaption", {}, seconds(time)))),
    );
  }

  get state() {
    return this.shell.get("panels")[this.index];
  }

  get about() {
    return this.shell.about.models[this.state.model];
  }

  get attention() {
    return this.about.attentions.find(({ name }) => name === this.state.name);
  }

  // The layers of one kind, "space" or "time", that can be shown.
  names(kind = this.state.name.split("/")[0]) {
    return this.shell.names(this.state.model).filter((name) => name.split("/")[0] === kind);
  }

  heads() {
    const held = this.shell.heldHeads(this.state.model, this.state.name);
    const numbers = held ?? [...Array(this.attention.heads).keys()];
    if (numbers.length < 2) return numbers.map((n) => [n, `head ${n}`]);
    const some = numbers.length < this.attention.heads ? ` ${numbers.join(", ")}` : "";
    return [...Object.entries(FUSED).map(([key, text]) => [key, text + some]), ...numbers.map((n) => [n, `head ${n}`])];
  }

  // The next or previous layer, kind or head, for keys.
  step(what, by) {
    const walk = (list, now) => list[(list.indexOf(now) + by + list.length) % list.length];
    const { name, head } = this.state;
    if (what === "layer") this.shell.changePanel(this.index, { name: walk(this.names(), name) });
    if (what === "head") this.shell.changePanel(this.index, { head: walk(this.heads().map(([key]) => key), head) });
    if (what === "kind") this.changeKind(walk(this.kindNames(), name.split("/")[0]));
  }

  kindNames() {
    return [...new Set(this.shell.names(this.state.model).map((name) => name.split("/")[0]))];
  }

  changeKind(kind) {
    const names = this.names(kind);
    const now = this.names().indexOf(this.state.name);
    this.shell.changePanel(this.index, { name: names[Math.min(now, names.length - 1)] });
  }

  controls() {
    const { model, name, head } = this.state;
    const models = this.shell.about.models;
    this.model.whole.hidden = models.length < 2;
    this.model.choose(models.map((one, n) => [n, one.name]), model);
    const now = name.split("/")[0];
    const kinds = this.kindNames().map((kind) =>
      toggle(kind === "spacetime" ? "space and time" : kind, () => this.changeKind(kind), {
        className: `button kind ${kind}`,
        aria: { pressed: kind === now },
      }),
    );
    const focused = [...this.kinds.children].indexOf(document.activeElement);
    this.kinds.replaceChildren(...kinds);
    this.kinds.children[focused]?.focus();
    const names = this.names();
    this.layer.whole.hidden = names.length < 2;
    this.layer.slider.max = names.length - 1;
    this.layer.slider.value = names.indexOf(name);
    this.layer.slider.setAttribute("aria-valuetext", name);
    this.layer.output.textContent = name.split("/")[1] ?? "";
    this.head.whole.hidden = this.attention.heads < 2;
    this.head.choose(this.heads(), head);
  }

  // Takes a row, or null while it is on its way, and shows it.
  show(row) {
    this.controls();
    this.whole.toggleAttribute("data-waiting", !row);
    if (row) {
      const { about, shell } = this;
      const weights = fuse(row, this.state.head);
      this.map = onGrid(this.attention, shell.query, weights, shell.about.grid, about.classToken);
      this.map.end = shell.get("scale") === "peak" ? this.map.top : 1;
    }
    this.draw();
  }

  draw() {
    if (!this.map) return;
    const { shell, map } = this;
    shell.about.owned.forEach((list, time) => this.paint(this.thumbs[time], list[list.length >> 1], time));
    this.drawStage();
    paintScale(this.bar, shell.shades, map.uniform / (map.end || 1));
    this.ends.textContent = `${told(map.end)} ${shell.get("scale") === "peak" ? "= this query's peak" : "= all of it"}`;
    this.bar.setAttribute("aria-label", `colours from weight 0 to ${told(map.end)}; all keys equal would be ${told(map.uniform)}`);
    this.said.textContent = this.sentence();
    this.stage.setAttribute("aria-label", `frame with attention; ${this.sentence()}`);
    this.tell(null);
  }

  drawStage() {
    if (!this.map) return;
    const time = this.shell.timeOf(this.shell.frame);
    this.paint(this.stage, this.shell.frame, time);
    this.thumbs.forEach((thumb, n) => thumb.toggleAttribute("data-now", n === time));
  }

  paint(canvas, frame, time) {
    const { shell, map } = this;
    const [, nh, nw] = shell.about.grid;
    const cells = map.cells.subarray(time * nh * nw, (time + 1) * nh * nw);
    const look = { shades: shell.shades, cells, size: [nh, nw], top: map.end, drawn: shell.get("drawn"), strength: shell.get("strength") };
    const [at, row, column] = shell.query;
    const whole = isClassToken(shell.query) || this.attention.keys === "frames";
    const every = isClassToken(shell.query) && this.attention.keys !== "frame";
    const mark = every || at !== time ? null : whole ? "frame" : [row, column];
    paint(canvas, shell.frames[frame], look, mark, shell.about.colours.query);
  }

  place(cell) {
    const [, nh, nw] = this.shell.about.grid;
    const time = Math.floor(cell / (nh * nw));
    if (this.attention.keys === "frames") return `time ${time}`;
    return `time ${time}, row ${Math.floor(cell / nw) % nh}, column ${cell % nw}`;
  }

  // What a reader who does not see the picture should know.
  sentence() {
    const { map, shell } = this;
    const [time, row, column] = shell.query;
    const token = isClassToken(shell.query);
    const whose = this.attention.keys === "frame" ? ` of time ${time}` : "";
    const who = token ? `the class token${whose}` : this.attention.keys === "frames" ? `time ${time}` : `time ${time}, row ${row}, column ${column}`;
    const times = Number((map.top / map.uniform).toPrecision(2));
    const most = `looks most at ${this.place(map.peak)}: ${told(map.top)}, ${times} times an equal share`;
    return `Query ${who} ${most}${map.token === null ? "" : `; at the class token: ${told(map.token)}`}.`;
  }

  // The raw number under the pointer, in every panel.
  tell(at) {
    this.shell.panels.forEach((panel) => panel.tellOne(at));
  }

  tellOne(at) {
    const { map, shell } = this;
    if (!map) return;
    const [, nh, nw] = shell.about.grid;
    const cell = at ? (at[0] * nh + at[1]) * nw + at[2] : map.peak;
    const weight = map.cells[cell];
    const number = Number.isNaN(weight) ? "out of this query's sight" : `weight ${told(weight)}, ${(weight / map.uniform).toPrecision(2)} × equal`;
    this.hover.textContent = `${at ? "" : "peak: "}${this.place(cell)}: ${number}`;
  }
}
