import { bars } from "./bars.js";
import { make, toggle } from "./dom.js";

const PATIENCE = 1500; // milliseconds until a silent kernel is taken for none

// Switching heads off, and what the model then predicts.
export class Knock {
  constructor(shell) {
    this.shell = shell;
    this.prediction = make("div", { className: "prediction" });
    this.whole = make("div", { className: "knock" });
  }

  chosen() {
    const { model, name, head } = this.shell.panels[this.shell.active].state;
    return typeof head === "number" ? [model, name, head] : null;
  }

  turn(which = this.chosen()) {
    if (!which) return this.shell.say("Choose one head, then switch it off: h walks through the heads.");
    const same = (one) => one.join() === which.join();
    const off = this.shell.get("off");
    this.shell.set({ off: off.some(same) ? off.filter((one) => !same(one)) : [...off, which] });
  }

  // What is known about the prediction with these heads off: the kernel's word, or the page's table of single heads.
  after() {
    const off = this.shell.get("off");
    if (!off.length) return null;
    const [list, known] = [JSON.stringify(off), this.shell.get("after")];
    if (JSON.stringify(known.off ?? []) === list) return known.probabilities;
    if (off.length > 1) return undefined;
    const row = this.shell.get("alone").find((one) => JSON.stringify(one.off) === JSON.stringify(off[0]));
    return row && this.shell.get("before").map((before, n) => (n === off[0][0] ? row.after : before));
  }

  show() {
    if (!this.shell.panels.length) return;
    this.showButtons();
    const after = this.after();
    const { models } = this.shell.about;
    const shown = [...new Set(this.shell.panels.map(({ state }) => state.model))];
    const parts = shown.flatMap((n) => {
      const found = bars(models[n].labels, this.shell.get("before")[n], after?.[n]);
      return models.length > 1 ? [make("p", { className: "title" }, models[n].name), ...found] : found;
    });
    this.prediction.replaceChildren(...parts);
    this.prediction.toggleAttribute("data-waiting", after === undefined);
    clearTimeout(this.doubt);
    const without = "Without a kernel, the page can switch off one head at a time, and only where it holds the answers.";
    if (after === undefined) this.doubt = setTimeout(() => this.shell.get("message") || this.shell.say(without), PATIENCE);
    else this.shell.say(this.shell.get("message"));
  }

  showButtons() {
    const title = ([model, name, head]) => (this.shell.about.models.length > 1 ? `${this.shell.about.models[model].name}: ` : "") + `${name} head ${head}`;
    const chosen = this.chosen();
    const off = this.shell.get("off");
    const down = chosen && off.some((one) => one.join() === chosen.join());
    const text = chosen ? `switch ${title(chosen)} ${down ? "on" : "off"}` : "choose one head to switch it off";
    const button = toggle(text, () => this.turn(), { className: "button switch", disabled: !chosen });
    const chips = off.map((one) => toggle(`${title(one)} is off ×`, () => this.turn(one), { className: "button chip" }));
    const focused = [...(this.whole.firstChild?.children ?? [])].indexOf(document.activeElement);
    const row = make("div", { className: "row" }, button, ...chips);
    this.whole.replaceChildren(row, this.prediction);
    (row.children[focused] ?? (focused > 0 ? button : null))?.focus();
  }
}
