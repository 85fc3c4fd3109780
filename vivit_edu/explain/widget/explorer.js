import { choice, make, named, slide, toggle } from "./dom.js";
import { HELP, press } from "./keys.js";
import { Knock } from "./knock.js";
import { framesOf, shadesOf } from "./paint.js";
import { Panel } from "./panel.js";
import { Player } from "./player.js";
import { bytesOf, heldRow, inflate, isClassToken, openHeld, sentRows } from "./rows.js";
import { dropZone } from "./upload.js";

const SILENCE = 1500; // milliseconds until a silent kernel is taken for none

// The whole explorer: what the panels share, and how they come by their rows.
class Shell {
  constructor(model, el) {
    Object.assign(this, { model, el, panels: [], active: 0, rows: new Map() });
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

  get frame() {
    return this.player.frame;
  }

  async start() {
    this.build();
    await this.load();
    const on = (names, act) => names.split(" ").forEach((name) => this.on(`change:${name}`, act));
    on("film", () => this.load());
    on("held held_rows", () => this.reopen());
    on("rows", () => (this.take(), this.show()));
    on("query panels scale drawn strength", () => this.show());
    on("before after off alone", () => this.knock.show());
    on("message", () => this.say(this.get("message")));
  }

  on(event, act) {
    this.model.on(event, act);
    (this.ends ??= []).push(() => this.model.off(event, act));
  }

  stop() {
    this.player.pause();
    clearTimeout(this.silence);
    this.observer?.disconnect();
    (this.ends ?? []).forEach((end) => end());
  }

  build() {
    this.player = new Player(this);
    this.token = toggle("class token", () => this.askToken(), { className: "button token" });
    this.drawn = choice("", (value) => this.set({ drawn: value }));
    this.drawn.select.setAttribute("aria-label", "attention drawn as");
    this.strength = slide("strength ", { max: 100 }, (value) => this.set({ strength: value / 100 }));
    this.scale = choice("scale ", (value) => this.set({ scale: value }));
    this.two = toggle("compare", () => this.compare());
    const row = (name, ...parts) => make("div", { className: name }, ...parts);
    this.where = make("div", { className: "panels" });
    this.knock = new Knock(this);
    this.own = make("div", { className: "own" });
    this.message = make("p", { className: "message", role: "status" });
    this.spoken = make("p", { className: "spoken", aria: { live: "polite" } });
    const help = make("p", { className: "help", id: named() }, HELP);
    this.root = make(
      "div",
      { className: "explorer", tabIndex: 0, role: "group", aria: { label: "attention explorer", describedby: help.id }, data: { lmSuppressShortcuts: "true" } },
      row("row", this.player.button, this.player.scrub.whole, this.token, this.drawn.whole, this.strength.whole, this.scale.whole, this.two),
      this.where, this.message, this.knock.whole, this.own, help, this.spoken,
    );
    this.root.onkeydown = (event) => press(this, event);
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
    this.player.begin(this.about.owned[this.query[0]][0]);
    this.root.style.setProperty("--vve-query", this.about.colours.query);
    this.root.style.setProperty("--vve-space", this.about.colours.space);
    this.root.style.setProperty("--vve-time", this.about.colours.time);
    this.panels = [];
    await this.reopen();
    this.knock.show();
    this.own.replaceChildren(...(this.get("live") ? [dropZone(this)] : []));
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
    this.silence = setTimeout(() => this.say("No kernel answers: this page holds other layers or heads only."), SILENCE);
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
    this.player.seek(this.frame);
    this.knock.showButtons();
  }

  activate(index) {
    if (index === this.active) return;
    this.active = index;
    this.settings();
  }

  ask(query) {
    if (this.timeOf(this.frame) !== query[0]) this.player.frame = this.about.owned[query[0]][0];
    this.set({ query });
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
  }

  compare() {
    const panels = this.get("panels");
    if (panels.length > 1) return this.set({ panels: panels.slice(0, 1) });
    const other = this.about.models.length > 1 ? (panels[0].model + 1) % this.about.models.length : panels[0].model;
    const names = this.names(other);
    const name = other === panels[0].model ? names[(names.indexOf(panels[0].name) + 1) % names.length] : panels[0].name;
    this.set({ panels: [...panels, { ...panels[0], model: other, name: names.includes(name) ? name : names.at(-1) }] });
  }

  // The time index of the tokens that a frame belongs to.
  timeOf(frame) {
    const later = this.about.owned.findIndex((list) => list[0] > frame);
    return later < 0 ? this.about.owned.length - 1 : Math.max(0, later - 1);
  }
}

async function render({ model, el }) {
  const shell = new Shell(model, el);
  await shell.start();
  return () => shell.stop();
}

export default { render };
