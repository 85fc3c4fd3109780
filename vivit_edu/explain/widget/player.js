import { slide, toggle } from "./dom.js";

// Plays the clip on the panels' stages. The frame shown is the page's own affair and no part of the state.
export class Player {
  constructor(shell) {
    Object.assign(this, { shell, frame: 0 });
    this.button = toggle("▶", () => this.turn(), { className: "button play", aria: { label: "play" } });
    this.scrub = slide("frame ", { max: 0 }, (value) => (this.pause(), this.seek(value)));
  }

  begin(frame) {
    this.scrub.slider.max = this.shell.frames.length - 1;
    this.frame = frame;
  }

  seek(frame) {
    this.frame = frame;
    this.scrub.slider.value = frame;
    this.scrub.output.textContent = `${(frame / this.shell.about.fps).toFixed(2)} s`;
    this.shell.panels.forEach((panel) => panel.drawStage());
  }

  // Nothing moves before it is told to; those who ask for less motion get two frames a second.
  turn() {
    if (this.playing) return this.pause();
    const { fps } = this.shell.about;
    const rate = matchMedia("(prefers-reduced-motion: reduce)").matches ? Math.min(2, fps) : fps;
    this.playing = setInterval(() => this.seek((this.frame + 1) % this.shell.frames.length), 1000 / rate);
    this.label("⏸", "pause");
  }

  pause() {
    clearInterval(this.playing);
    this.playing = null;
    this.label("▶", "play");
  }

  label(sign, word) {
    this.button.textContent = sign;
    this.button.setAttribute("aria-label", word);
  }
}
