import { bars } from "./bars.js";
import { choice, make, slide, toggle } from "./dom.js";
import { framesOf, shadesOf } from "./paint.js";
import { Panel } from "./panel.js";
import { bytesOf, heldRow, inflate, isClassToken, openHeld, sentRows } from "./rows.js";

const HELP =
  "Keys: ← ↑ → ↓ move the query, , and . in time, c class token, space plays, l L layer, h H head, a space or time, " +
  "o overlay or contour, s scale, x switches the head off and on";
const PIECE = 2 ** 21; // bytes of a file sent at a time: a notebook server takes messages of 10 MB at most
const PATIENCE = 1500; // milliseconds until a silent kernel is taken for none

class Shell {
  constructor(model, el) {
    Object.assign(this, { model, el, panels: [], active: 0, frame: 0, rows: new Map() });
    this.gentle = matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  get(name) {
    return this.model.get(name);
  }

  set(changes) {
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.model.save_changes();
  }

  get query() {
    return this.get("query");
  }

  async start() {
    this.build();
    await this.load();
    const on = (names, act) => names.split(" ").forEach((name) => this.on(`change:${name}`, act));
    on("film", () => this.load());
    on("held held_rows", () => this.reopen());
    on("rows", () => (this.take(), this.show()));
    on("query panels scale drawn strength", () => this.show());
    on("before after off alone", () => this.showBars());
    on("message", () => this.say(this.get("message")));
  }

  on(event, act) {
    this.model.on(event, act);
    (this.ends ??= []).push(() => this.model.off(event, act));
  }

  stop() {
    this.pause();
    clearTimeout(this.silence);
    this.observer?.disconnect();
    (this.ends ?? []).forEach((end) => end());
  }

  build() {
    this.playButton = toggle("▶", () => this.playOrPause(), { className: "button play", aria: { label: "play" } });
    this.scrub = slide("frame ", { max: 0 }, (value) => (this.pause(), this.seek(value)));
    this.token = toggle("class token", () => this.askToken(), { className: "button token" });
    this.drawn = choice("", (value) => this.set({ drawn: value }));
    this.drawn.select.setAttribute("aria-label", "attention drawn as");
    this.strength = slide("strength ", { max: 100 }, (value) => this.set({ strength: value / 100 }));
    this.scale = choice("scale ", (value) => this.set({ scale: value }));
    this.two = toggle("compare", () => this.compare());
    const row = (name, ...parts) => make("div", { className: name }, ...parts);
    this.where = make("div", { className: "panels" });
    this.knock = row("knock");
    this.own = make("div", { className: "own" });
    this.message = make("p", { className: "message", role: "status" });
    this.spoken = make("p", { className: "spoken", aria: { live: "polite" } });
    this.root = make(
      "div",
      { className: "explorer", tabIndex: 0, role: "group", aria: { label: `attention explorer. ${HELP}` }, data: { lmSuppressShortcuts: "true" } },
      row("row", this.playButton, this.scrub.whole, this.token, this.drawn.whole, this.strength.whole, this.scale.whole, this.two),
      this.where, this.message, this.knock, this.own, make("p", { className: "help" }, HELP), this.spoken,
    );
    this.root.onkeydown = (event) => this.press(event);
    this.el.append(this.root);
    this.observer = new MutationObserver(() => this.ground());
    for (const place of [document.documentElement, document.body])
      this.observer.observe(place, { attributes: true, attributeFilter: ["class", "data-theme", "theme", "data-jp-theme-light"] });
    this.ground();
    requestAnimationFrame(() => this.ground());
  }

  // Native controls follow the page: light text stands on a dark ground.
  ground() {
    const [red, green, blue] = getComputedStyle(this.root).color.match(/[\d.]+/g).map(Number);
    this.root.dataset.ground = 0.3 * red + 0.6 * green + 0.1 * blue > 128 ? "dark" : "light";
  }

  // Another clip, or the first.
  async load() {
    this.about = this.get("about");
    this.shades = shadesOf(this.about.stops);
    this.frames = framesOf(this.get("film_shape"), await inflate(bytesOf(this.get("film"))));
    this.frame = this.about.owned[this.query[0]][0];
    this.scrub.slider.max = this.frames.length - 1;
    this.root.style.setProperty("--vve-query", this.about.colours.query);
    this.root.style.setProperty("--vve-space", this.about.colours.space);
    this.root.style.setProperty("--vve-time", this.about.colours.time);
    this.panels = [];
    await this.reopen();
    this.showBars();
    this.offerUpload();
  }

  async reopen() {
    const [index, bytes] = [this.get("held"), bytesOf(this.get("held_rows"))];
    this.held = await openHeld(index, bytes);
    this.rows.clear();
    this.take();
    this.show();
  }

  take() {
    const list = this.get("rows_for");
    for (const [key, row] of sentRows(list, bytesOf(this.get("rows")))) this.rows.set(key, row);
    while (this.rows.size > 64) this.rows.delete(this.rows.keys().next().value);
  }

  // Attentions that can be shown: all where a kernel answers, else those that the page holds.
  names(model) {
    const names = this.about.models[model].attentions.map(({ name }) => name);
    return this.get("live") ? names : names.filter((name) => this.held.has(`${model}:${name}`));
  }

  heldHeads(model, name) {
    return this.get("live") ? null : this.held.get(`${model}:${name}`)?.heads;
  }

  rowFor(panel) {
    const { model, name, head } = panel.state;
    const { classToken } = this.about.models[model];
    const part = this.held.get(`${model}:${name}`);
    const whole = part && (!this.get("live") || part.heads.length === panel.attention.heads);
    if (whole || part?.heads.includes(head)) return heldRow(part, panel.attention, this.query, this.about.grid, classToken);
    return this.rows.get(`${this.get("version")}:${model}:${name}:${this.query.join(",")}`) ?? null;
  }

  show() {
    const count = this.get("panels").length;
    while (this.panels.length > count) this.panels.pop();
    while (this.panels.length < count) this.panels.push(new Panel(this, this.panels.length));
    if (this.where.children.length !== count || this.where.firstChild !== this.panels[0].whole)
      this.where.replaceChildren(...this.panels.map(({ whole }) => whole));
    this.where.dataset.count = count;
    this.active = Math.min(this.active, count - 1);
    const rows = this.panels.map((panel) => this.rowFor(panel));
    this.panels.forEach((panel, n) => panel.show(rows[n]));
    this.await(rows.every(Boolean));
    this.settings();
    this.speak();
  }

  // A row that does not come is said to be missing.
  await(complete) {
    clearTimeout(this.silence);
    if (complete) return this.say(this.get("message"));
    this.silence = setTimeout(() => this.say("No kernel answers: this page holds other layers or heads only."), PATIENCE);
  }

  say(text) {
    this.message.textContent = text;
  }

  speak() {
    clearTimeout(this.speech);
    const words = this.panels.map((panel) => panel.map && `${panel.state.name}: ${panel.sentence()}`);
    this.speech = setTimeout(() => (this.spoken.textContent = words.join(" ")), 200);
  }

  settings() {
    this.drawn.choose([["overlay", "overlay"], ["contour", "contour"], ["frames", "frames only"]], this.get("drawn"));
    this.strength.slider.value = 100 * this.get("strength");
    this.strength.output.textContent = `${Math.round(100 * this.get("strength"))} %`;
    this.strength.whole.hidden = this.get("drawn") !== "overlay";
    this.scale.choose([["peak", "0 to peak"], ["unit", "0 to 1"]], this.get("scale"));
    this.token.hidden = !this.panels.every(({ about }) => about.classToken);
    this.token.setAttribute("aria-pressed", isClassToken(this.query));
    this.two.setAttribute("aria-pressed", this.panels.length > 1);
    this.panels.forEach(({ whole }, n) => whole.toggleAttribute("data-active", n === this.active && this.panels.length > 1));
    this.seek(this.frame);
    this.showKnock();
  }

  activate(index) {
    if (index === this.active) return;
    this.active = index;
    this.settings();
  }

  ask(query) {
    this.frame = this.timeOf(this.frame) === query[0] ? this.frame : this.about.owned[query[0]][0];
    this.set({ query });
    this.show();
  }

  askToken() {
    const [time, row] = this.query;
    const [, nh, nw] = this.about.grid;
    this.ask(row < 0 ? [time, nh >> 1, nw >> 1] : [this.timeOf(this.frame), -1, -1]);
  }

  changePanel(index, part) {
    const panels = this.get("panels").map((panel, n) => (n === index ? { ...panel, ...part } : panel));
    const state = panels[index];
    const names = this.names(state.model);
    if (!names.includes(state.name)) state.name = names.at(-1);
    const { heads } = this.about.models[state.model].attentions.find(({ name }) => name === state.name);
    const held = this.heldHeads(state.model, state.name);
    if (typeof state.head === "number" && (state.head >= heads || (held && !held.includes(state.head)))) state.head = "mean";
    if (held?.length === 1) state.head = held[0];
    this.active = index;
    this.set({ panels });
    this.show();
  }

  compare() {
    const panels = this.get("panels");
    if (panels.length > 1) return (this.set({ panels: panels.slice(0, 1) }), this.show());
    const other = this.about.models.length > 1 ? (panels[0].model + 1) % this.about.models.length : panels[0].model;
    const names = this.names(other);
    const name = other === panels[0].model ? names[(names.indexOf(panels[0].name) + 1) % names.length] : panels[0].name;
    this.set({ panels: [...panels, { ...panels[0], model: other, name: names.includes(name) ? name : names.at(-1) }] });
    this.show();
  }

  // Playing: the frame shown is the page's own and no part of the state.
  timeOf(frame) {
    const later = this.about.owned.findIndex((list) => list[0] > frame);
    return later < 0 ? this.about.owned.length - 1 : Math.max(0, later - 1);
  }

  seek(frame) {
    this.frame = frame;
    this.scrub.slider.value = frame;
    this.scrub.output.textContent = `${(frame / this.about.fps).toFixed(2)} s`;
    this.panels.forEach((panel) => panel.drawStage());
  }

  playOrPause() {
    if (this.playing) return this.pause();
    const rate = this.gentle ? Math.min(2, this.about.fps) : this.about.fps;
    this.playing = setInterval(() => this.seek((this.frame + 1) % this.frames.length), 1000 / rate);
    this.playButton.textContent = "⏸";
    this.playButton.setAttribute("aria-label", "pause");
  }

  pause() {
    clearInterval(this.playing);
    this.playing = null;
    this.playButton.textContent = "▶";
    this.playButton.setAttribute("aria-label", "play");
  }

  press(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const control = target.closest("input, select, button");
    const arrow = { ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0], ",": [-1, 0, 0], ".": [1, 0, 0] }[key];
    if (control && (key.startsWith("Arrow") || key === " " || control.tagName === "SELECT")) return event.stopPropagation();
    const panel = this.panels[this.active];
    const acts = {
      " ": () => this.playOrPause(),
      l: () => panel.step("layer", 1), L: () => panel.step("layer", -1),
      h: () => panel.step("head", 1), H: () => panel.step("head", -1),
      a: () => panel.step("kind", 1),
      c: () => this.token.hidden || this.askToken(),
      o: () => this.set({ drawn: this.get("drawn") === "overlay" ? "contour" : "overlay" }),
      s: () => this.set({ scale: this.get("scale") === "peak" ? "unit" : "peak" }),
      x: () => this.switchHead(),
    };
    const act = arrow ? () => this.walk(arrow) : acts[key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
    if ("os".includes(key)) this.show();
  }

  walk(step) {
    const { grid } = this.about;
    const token = isClassToken(this.query);
    const next = this.query.map((value, axis) =>
      axis && token ? (step[0] ? -1 : grid[axis] >> 1) : Math.max(0, Math.min(grid[axis] - 1, value + step[axis])));
    this.ask(next);
  }

  // Switching heads off.
  chosenHead() {
    const { model, name, head } = this.panels[this.active].state;
    return typeof head === "number" ? [model, name, head] : null;
  }

  switchHead(which = this.chosenHead()) {
    if (!which) return this.say("Choose one head, then switch it off: h walks through the heads.");
    const same = (one) => one.join() === which.join();
    const off = this.get("off");
    this.set({ off: off.some(same) ? off.filter((one) => !same(one)) : [...off, which] });
    this.showBars();
  }

  // What is known about the prediction with these heads off: the kernel's word, or the page's table of single heads.
  after() {
    const off = this.get("off");
    if (!off.length) return null;
    const [list, known] = [JSON.stringify(off), this.get("after")];
    if (JSON.stringify(known.off ?? []) === list) return known.probabilities;
    if (off.length > 1) return undefined;
    const row = this.get("alone").find((one) => JSON.stringify(one.off) === JSON.stringify(off[0]));
    return row && this.get("before").map((before, n) => (n === off[0][0] ? row.after : before));
  }

  showBars() {
    if (!this.panels.length) return;
    this.showKnock();
    const after = this.after();
    const { models, colours } = this.about;
    const shown = [...new Set(this.panels.map(({ state }) => state.model))];
    const parts = shown.flatMap((n) => {
      const found = bars(models[n].labels, this.get("before")[n], after?.[n], colours.space);
      return models.length > 1 ? [make("p", { className: "title" }, models[n].name), ...found] : found;
    });
    this.prediction.replaceChildren(...parts);
    this.prediction.toggleAttribute("data-waiting", after === undefined);
    clearTimeout(this.doubt);
    const without = "Without a kernel, the page can switch off one head at a time, and only where it holds the answers.";
    if (after === undefined) this.doubt = setTimeout(() => this.get("message") || this.say(without), PATIENCE);
    else this.say(this.get("message"));
  }

  showKnock() {
    this.prediction ??= make("div", { className: "prediction" });
    const title = ([model, name, head]) => (this.about.models.length > 1 ? `${this.about.models[model].name}: ` : "") + `${name} head ${head}`;
    const chosen = this.chosenHead();
    const off = this.get("off");
    const down = chosen && off.some((one) => one.join() === chosen.join());
    const text = chosen ? `switch ${title(chosen)} ${down ? "on" : "off"}` : "choose one head to switch it off";
    const button = toggle(text, () => this.switchHead(), { className: "button switch", disabled: !chosen });
    const chips = off.map((one) => toggle(`${title(one)} is off ×`, () => this.switchHead(one), { className: "button chip" }));
    const focused = [...(this.knock.firstChild?.children ?? [])].indexOf(document.activeElement);
    const row = make("div", { className: "row" }, button, ...chips);
    this.knock.replaceChildren(row, this.prediction);
    (row.children[focused] ?? (focused > 0 ? button : null))?.focus();
  }

  // A reader's own video goes to the kernel piece by piece.
  offerUpload() {
    if (!this.get("live")) return this.own.replaceChildren();
    const pick = make("input", { type: "file", accept: "video/*,image/gif", className: "file" });
    pick.onchange = () => pick.files[0] && this.upload(pick.files[0]);
    const drop = make("label", { className: "drop" }, "Your own video: drop a file here, or ", pick);
    drop.ondragover = (event) => (event.preventDefault(), drop.toggleAttribute("data-over", true));
    drop.ondragleave = () => drop.toggleAttribute("data-over", false);
    drop.ondrop = (event) => {
      event.preventDefault();
      drop.toggleAttribute("data-over", false);
      if (event.dataTransfer.files[0]) this.upload(event.dataTransfer.files[0]);
    };
    this.own.replaceChildren(drop);
  }

  async upload(file) {
    this.say(`sending ${file.name} …`);
    const bytes = new Uint8Array(await file.arrayBuffer());
    for (let start = 0; start === 0 || start < bytes.length; start += PIECE) {
      const piece = bytes.slice(start, start + PIECE);
      const last = start + PIECE >= bytes.length;
      this.model.send({ kind: "video", name: file.name, start, last }, undefined, [piece.buffer]);
    }
  }
}

async function render({ model, el }) {
  const shell = new Shell(model, el);
  await shell.start();
  return () => shell.stop();
}

export default { render };
