import { isClassToken } from "./rows.js";

export const HELP =
  "Keys: ← ↑ → ↓ move the query, comma and full stop move it in time, c class token, space plays, l L layer, h H head, " +
  "a space or time, o overlay or contour, s scale, x switches the head off and on";

const STEPS = {
  ArrowLeft: [0, 0, -1],
  ArrowRight: [0, 0, 1],
  ArrowUp: [0, -1, 0],
  ArrowDown: [0, 1, 0],
  ",": [-1, 0, 0],
  ".": [1, 0, 0],
};

// What each other key does to an explorer.
const acts = (shell, panel) => ({
  " ": () => shell.player.turn(),
  l: () => panel.step("layer", 1),
  L: () => panel.step("layer", -1),
  h: () => panel.step("head", 1),
  H: () => panel.step("head", -1),
  a: () => panel.step("kind", 1),
  c: () => shell.token.hidden || shell.askToken(),
  o: () => shell.set({ drawn: shell.get("drawn") === "overlay" ? "contour" : "overlay" }),
  s: () => shell.set({ scale: shell.get("scale") === "peak" ? "unit" : "peak" }),
  x: () => shell.knock.turn(),
});

// A key that means something goes no further: a notebook has its own use for letters. Controls keep theirs.
export const press = (shell, event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const control = target.closest("input, select, button");
  if (control && (key.startsWith("Arrow") || key === " " || control.tagName === "SELECT")) return event.stopPropagation();
  const act = key in STEPS ? () => walk(shell, STEPS[key]) : acts(shell, shell.panels[shell.active])[key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
};

// One step of the query, held at the clip's edges; from the class token into the middle of the frame.
const walk = (shell, step) => {
  const { grid } = shell.about;
  const token = isClassToken(shell.query);
  const held = (value, axis) => Math.max(0, Math.min(grid[axis] - 1, value + step[axis]));
  shell.ask(shell.query.map((value, axis) => (axis && token ? (step[0] ? -1 : grid[axis] >> 1) : held(value, axis))));
};
