// Who answers a question about the clip: the model in the page, a kernel, or rows that lie in the page.
//
// A question is { query, panels, off, maps }; an answer { rows, groups }, for each panel its row, and for each classifier
// its classes with their probabilities before and after. Of a question that a newer one has overtaken, it is null.

// The model itself, in the page's engine.
class PageSource {
  constructor(model) {
    Object.assign(this, { model, engine: engineOfPage(), knocks: true, reads: true, inPage: true, late: "", asked: 0 });
    this.id = `explorer ${Math.random()}`; // other copies of this script share the engine
  }

  load() {
    const weights = this.model.get("weights");
    return Promise.all(this.model.get("meta").models.map(({ key, config }) =>
      this.engine.load(key, { config, weights: bytesOf(weights[key]) })));
  }

  async answer({ query, panels, off, maps }, film) {
    const mine = ++this.asked;
    await (this.loaded ||= this.load());
    if (this.film !== film) {
      this.film = film;
      await this.engine.show(this.id, film.pixels);
    }
    if (mine !== this.asked) return null; // the engine takes what comes last for the newest
    const { models } = this.model.get("meta"), parts = [], wanted = panels.map((panel) => ({ ...panel, query }));
    const ask = (number, heads, asked) => parts.push({ model: models[number].key, clip: this.id, off: heads,
      rows: asked ? wanted.filter((panel) => panel.model === number) : [] }) - 1;
    const asked = models.map((_, number) => {
      const mine = off.filter((key) => key.startsWith(`${number}|`)).map((key) => key.slice(key.indexOf("|") + 1));
      const intact = ask(number, [], !mine.length || maps === "intact");
      return { intact, now: mine.length ? ask(number, mine, maps === "now") : intact };
    });
    const answer = await this.engine.ask(this.id, parts);
    if (!answer) return null;
    const groups = this.model.get("probabilities").map((group) => ({ ...group })), next = groups.values();
    const rows = [];
    for (const [number, { intact, now }] of asked.entries()) {
      for (const head of models[number].classifiers) {
        const group = next.next().value;
        group.before = [...answer.parts[intact].chances.get(head)];
        group.after = [...answer.parts[now].chances.get(head)];
      }
      const found = answer.parts[maps === "now" ? now : intact].rows.values();
      panels.forEach((panel, i) => { if (panel.model === number) rows[i] = found.next().value; });
    }
    return { rows, groups };
  }

  forget() { this.engine.show(this.id, null); }
}

// A kernel, which hears of the question by itself, and tells rows together with what they are the answer to.
class KernelSource {
  constructor(model) {
    Object.assign(this, { model, knocks: true, reads: true, inPage: false, asked: null });
    this.late = "the model is too large to run in this page";
    model.on("change:told", () => this.hear());
  }

  answer(question, film) {
    this.asked?.resolve(null);
    return new Promise((resolve) => { this.asked = { question, film, resolve }; this.hear(); });
  }

  hear() {
    const { lengths, film, ...told } = this.model.get("told");
    if (!this.asked || !lengths || film !== this.asked.film.clip.film) return;
    if (!Object.entries(this.asked.question).every(([name, value]) => same(told[name], value))) return;
    let start = 0;
    const all = floatsOf(this.model.get("rows")), rows = lengths.map((length) => all.subarray(start, start += length));
    const { resolve } = this.asked;
    this.asked = null;
    resolve({ rows, groups: this.model.get("probabilities") });
  }

  forget() {}
}

// Rows that were put into a page: bytes, of which 255 is a row's largest weight, which lies in `tops`.
class StoredSource {
  constructor(model) {
    Object.assign(this, { model, knocks: false, reads: false, inPage: false, late: "" });
    [this.stored, this.every] = [model.get("stored"), model.get("every")];
    [this.blob, this.tops] = [bytesOf(model.get("blob")), floatsOf(model.get("tops"))];
  }

  async answer({ query, panels }) {
    const { grid, models } = this.model.get("meta");
    const rows = panels.map((panel) => {
      const { reach } = models[panel.model].layers.find(({ name }) => name === panel.layer);
      return this.row(this.stored[`${panel.model}|${panel.layer}|${panel.head}`], reach, query, grid);
    });
    return { rows, groups: this.model.get("probabilities") };
  }

  row(entry, reach, query, grid) {
    const whole = query < 0 || reach === "output", { time, row, column } = placeOf(query, grid), { every } = this;
    const [down, across] = [Math.ceil(grid[1] / every), Math.ceil(grid[2] / every)];
    const index = reach === "time" ? time : (time * down + Math.floor(row / every)) * across + Math.floor(column / every);
    const start = entry.offset + (whole ? 0 : entry.first + index * entry.length);
    const length = whole ? entry.first : entry.length;
    const top = this.tops[entry.top + (whole ? 0 : index + (entry.first ? 1 : 0))];
    return Float32Array.from(this.blob.subarray(start, start + length), (byte) => (byte * top) / 255);
  }

  forget() {}
}

function sourceOf(model) {
  if (model.get("meta").models.every(({ key }) => key)) return new PageSource(model);
  return model.get("stored") ? new StoredSource(model) : new KernelSource(model);
}

// The query of which the page holds rows, nearest above and left.
function keptQuery(query, [, nh, nw], every = 1) {
  if (query < 0 || every === 1) return query;
  const { time, row, column } = placeOf(query, [0, nh, nw]);
  return (time * nh + row - (row % every)) * nw + column - (column % every);
}
