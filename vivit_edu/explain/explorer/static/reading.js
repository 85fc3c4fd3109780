// Reading a reader's own video: of several files the last one chosen wins, and reading always ends: with the film, with a
// sentence that says why not, or because it was stopped.

const PIECE = 4e6; // bytes of a file sent at a time: a Jupyter server takes messages of 10 MB
const PATIENCE_OF_PAGE = 10_000; // milliseconds for a kernel to take a piece, before nobody is there

class Reading {
  constructor(session) {
    Object.assign(this, { session, model: session.model, number: 0, busy: false, heard: null, sender: 0 });
    this.model.on("msg:custom", (message) => { if (message.reading === this.number) this.hear(message); });
  }

  hear(message) {
    if (this.heard) this.heard(message);
    else if ("done" in message) this.end(message.done || `Showing ${this.model.get("clip").name}`); // after all
  }

  stop() {
    this.number++;
    this.end("Reading was stopped");
  }

  end(sentence) {
    this.busy = false;
    this.heard?.(null);
    this.session.say(sentence);
  }

  async take(file) {
    if (!file) return;
    const mine = ++this.number, wanted = () => mine === this.number;
    this.heard?.(null); // of the file before
    this.busy = true;
    this.session.say(`Reading ${file.name} …`);
    const why = this.session.source.inPage ? await this.inPage(file, wanted) : "the model does not run in this page";
    if (!why || !wanted()) return;
    const answer = await this.byKernel(file, mine, wanted);
    if (!wanted()) return;
    if (answer === null) this.end(`${file.name} cannot be read here: ${why}, and no kernel answers`);
    else this.end(answer || `Showing ${file.name}`);
  }

  /** Shows the film; or says why not. */
  async inPage(file, wanted) {
    const [count, height, width, channels] = this.model.get("meta").input;
    if (channels !== 3) return `the model takes ${channels} channels and not colours`;
    try {
      const film = await framesOf(file, [count, height, width], wanted,
        (done) => wanted() && this.session.say(`Reading ${file.name}: frame ${done} of ${count} …`));
      if (!film || !wanted()) return "";
      const { times } = this.model.get("clip");
      this.session.set({ off: [], frame: 0, video: new DataView(new ArrayBuffer(0)), frames: new DataView(film.frames.buffer),
        clip: { count, height, width, times, seconds: film.seconds, name: file.name, film: `page ${Math.random()}`, pixels: "frames" } });
      this.end(`Showing ${file.name}`);
      return "";
    } catch (error) {
      return error.message;
    }
  }

  /** What a kernel says of the file, "" where it shows it, null where none answers; it then keeps nothing of it. */
  async byKernel(file, mine, wanted) {
    for (let start = 0; start === 0 || start < file.size; start += PIECE) {
      const last = start + PIECE >= file.size, piece = await file.slice(start, start + PIECE).arrayBuffer();
      if (!wanted()) break;
      this.session.say(`Sending ${file.name} to the kernel: ${Math.round((100 * start) / Math.max(1, file.size))} % …`);
      this.sender = mine;
      const answer = await this.send({ reading: mine, name: file.name, start, last }, [piece], last ? 3 : 1);
      if (!answer) break;
      if (last) return answer.done;
    }
    if (this.sender === mine) this.post({ reading: mine, start: 0 }, []);
    return null;
  }

  /** The kernel's answer; null where there is none, or nobody waits for it any more. */
  send(message, pieces, times) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.heard(null), times * PATIENCE_OF_PAGE);
      this.heard = (answer) => {
        clearTimeout(timer);
        this.heard = null;
        resolve(answer);
      };
      if (!this.post(message, pieces)) this.heard(null);
    });
  }

  post(message, pieces) {
    if (this.session.kernel.isGone) return false;
    try { this.model.send(message, undefined, pieces); } catch { return false; }
    return true;
  }
}
