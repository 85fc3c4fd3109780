// The page's side of the engine: one worker, which all explorers of a page share.
//
// `vivitEngine` is a function that holds all the other files: its text makes the worker, so that nothing is fetched and
// a page works from the file system; where no worker may run, the page calls it itself.

class Engine {
  constructor() {
    this.asked = new Map(); // what has been sent and not been answered, by id
    this.models = new Map();
    this.count = 0;
    this.give = null;
    try { this.startWorker(); } catch { this.startHere(); }
  }

  startWorker() {
    const text = `const { answering } = (${vivitEngine})(), act = answering(postMessage); onmessage = ({ data }) => act(data);`;
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" })), worker = new Worker(url);
    worker.onmessage = ({ data }) => this.take(data);
    worker.onerror = (event) => { // a policy without workers says so only now
      event.preventDefault();
      worker.terminate();
      this.startHere();
      for (const { message } of this.asked.values()) this.give(message);
    };
    this.give = (message) => worker.postMessage(message);
    this.where = "worker";
  }

  startHere() {
    const act = vivitEngine().answering((answer) => this.take(answer));
    this.give = (message) => { act(message); };
    this.where = "page";
  }

  send(message) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { message: { ...message, id }, resolve, reject });
      this.give({ ...message, id });
    });
  }

  take({ id, error, ...answer }) {
    const { resolve, reject } = this.asked.get(id) || {};
    if (!resolve) return;
    this.asked.delete(id);
    if (error) reject(new Error(error)); else resolve(answer.stale ? null : answer);
  }

  /** The name of the machine that runs the model; the same key is loaded once, whoever asks. */
  load(key, { config, weights }) {
    if (!this.models.has(key)) {
      this.models.set(key, this.send({ model: key, config, weights }).then(({ machine }) => machine));
      this.models.get(key).catch(() => this.models.delete(key));
    }
    return this.models.get(key);
  }

  /** A clip that later questions are about, bytes or floats in [-1, 1]; null gives it up. */
  show(clip, video) { return this.send({ clip, video }); }

  /** { parts } as the worker answers them, or null where a newer question of the same asker has taken its place. */
  ask(from, parts) { return this.send({ from, parts }); }

  /** { map }: the fall of a class's log-probability with each token hidden; null where it was asked for again since. */
  hide(from, hide) { return this.send({ from, hide }); }
}

/** The one engine of this page and this version of the script, whichever copy of the script asks for it. */
function engineOfPage() {
  const engines = (globalThis[Symbol.for("vivit_edu engines")] ||= new Map()), version = String(vivitEngine);
  if (!engines.has(version)) engines.set(version, new Engine());
  return engines.get(version);
}
