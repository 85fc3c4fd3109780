// One explorer, in however many cells it is shown: one film that plays, and one answer, of which every part is shown at
// once. What is asked and what is shown are two things: the old answer stands whole until the new one is whole.

const SOON = 150; // milliseconds for which the old answer may stand while a new one is computed
const LONG = 5000; // after which a page says that nobody has answered

class Session {
  constructor(model) {
    Object.assign(this, { model, views: new Set(), number: 0, shown: null, notice: "" });
    this.phase = "late"; // "here"; "waiting", with the old answer; "late", without; "silent", nobody answers; "failed"
    this.kernel = new Kernel(model, () => { if (this.phase !== "here") this.ask(); });
    this.source = sourceOf(model);
    this.film = filmOf(model);
    this.clock = new Clock(this);
    this.reading = new Reading(this);
    for (const name of ["query", "panels", "off", "maps", "clip"]) model.on(`change:${name}`, () => this.ask());
    this.ask();
  }

  /** Tells a view of every change from now on; returns what ends that. */
  join(view) {
    this.views.add(view);
    if (this.views.size === 1 && this.model.get("autoplay") && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.clock.start();
    return () => {
      this.views.delete(view);
      if (!this.views.size) this.clock.stop();
    };
  }

  tell() { for (const view of this.views) view(); }

  set(values) {
    for (const [name, value] of Object.entries(values)) this.model.set(name, value);
    this.kernel.save();
  }

  say(notice) {
    this.notice = notice;
    this.tell();
  }

  /** Asks about the traits as they are now: once, however many of them have changed together. */
  ask() {
    const mine = ++this.number;
    if (this.phase === "here") this.phase = "waiting";
    queueMicrotask(() => { if (mine === this.number) this.answer(mine); });
  }

  async answer(mine) {
    const question = Object.fromEntries(["query", "panels", "off", "maps"].map((name) => [name, this.model.get(name)]));
    const film = this.model.get("clip") === this.film.clip ? this.film : filmOf(this.model);
    const turn = (phase) => { if (mine === this.number) { this.phase = phase; this.tell(); } };
    this.tell();
    const timers = [setTimeout(() => turn("late"), SOON), setTimeout(() => this.source.late && turn("silent"), this.kernel.isGone ? SOON : LONG)];
    try {
      const answer = await this.source.answer(question, film);
      if (answer && mine === this.number) this.show(question, film, answer);
    } catch (error) {
      this.error = error.message;
      turn("failed");
    } finally {
      timers.forEach(clearTimeout);
    }
  }

  show(question, film, { rows, groups }) {
    const { grid } = this.model.get("meta");
    const drawn = rows.map((row, i) => onGrid(row, this.layerOf(question.panels[i]).reach, question.query, grid));
    Object.assign(this, { film, shown: { ...question, of: question.maps, maps: drawn, groups }, phase: "here" });
    this.tell();
  }

  layerOf(panel) { return this.model.get("meta").models[panel.model].layers.find((layer) => layer.name === panel.layer); }

  /** What a view draws: the answer with its question; while there is none, the question alone. */
  get now() {
    if (this.shown && (this.phase === "here" || this.phase === "waiting")) return this.shown;
    return { query: this.model.get("query"), panels: this.model.get("panels"), off: this.model.get("off"), maps: null, groups: null };
  }
}

// What is known of the kernel that a widget belongs to; a host such as JupyterLab tells when it has gone.
class Kernel {
  constructor(model, lost) {
    Object.assign(this, { model, manager: model.widget_manager, lost: false });
    this.lose = () => {
      if (this.lost) return;
      this.lost = true;
      lost();
    };
    this.own?.statusChanged?.connect((_, status) => { if (/restarting|dead|terminating/.test(status)) this.lose(); });
    this.own?.disposed?.connect(this.lose);
    this.meet().catch(() => {}); // of a host that does not tell, nothing is known
  }

  /** Asks whether the kernel knows this widget: it does not where a notebook was saved with one of an earlier kernel. */
  async meet() {
    const { content } = await this.own.requestCommInfo({ target_name: "jupyter.widget" });
    const ids = Object.keys(content.comms).filter((id) => this.manager.has_model(id));
    const known = await Promise.all(ids.map((id) => this.manager.get_model(id)));
    if (!known.some((one) => one.get("meta") === this.model.get("meta"))) this.lose();
  }

  get own() { return (this.kept ??= this.manager?.kernel); }

  /** Whether nobody can hear any more; a restarted kernel does not know the widgets of the one before it. */
  get isGone() {
    if (!this.manager || !("kernel" in this.manager)) return false; // of other hosts, nothing is known
    return this.lost || !this.own || this.own.isDisposed || this.manager.kernel !== this.own;
  }

  /** Tells it the traits, if it is there: the page goes on alone. */
  save() {
    if (this.isGone) return;
    try { this.model.save_changes(); } catch { /* nobody hears it */ }
  }
}

// The film's time: frames follow each other as the file's own stamps say, slower or faster by a factor.
class Clock {
  constructor(session) { Object.assign(this, { session, timer: 0 }); }
  get playing() { return this.timer !== 0; }
  toggle() { if (this.playing) this.stop(); else this.start(); }

  start() {
    if (this.playing || this.session.film.clip.count < 2) return;
    this.next();
    this.session.tell();
  }

  stop() {
    if (!this.playing) return;
    clearTimeout(this.timer);
    this.timer = 0;
    this.session.kernel.save();
    this.session.tell();
  }

  next() {
    const { model } = this.session;
    this.timer = setTimeout(() => {
      model.set("frame", (model.get("frame") + 1) % this.session.film.clip.count);
      this.next();
    }, this.pause() / model.get("speed"));
  }

  /** Milliseconds for which the frame stands: until the next one's time; the last one as long as the one before it. */
  pause() {
    const { count, seconds } = this.session.film.clip, at = Math.min(this.session.model.get("frame"), count - 2);
    return seconds ? Math.max(16, 1000 * (seconds[at + 1] - seconds[at])) : 125;
  }
}
