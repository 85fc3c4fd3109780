// The explorer's parts as a page knows them, the bar above the film, and the keys.

const CHOICES = {
  scale: [["row", "to the largest weight"], ["unit", "from 0 to 1"], ["uniform", "to 10 times uniform"]],
  view: [["overlay", "overlay"], ["contour", "contour"]],
  speed: [[0.25, "¼×"], [0.5, "½×"], [1, "1×"], [2, "2×"]],
};

function make(tag, name, options = {}, ...children) {
  const node = Object.assign(document.createElement(tag), options);
  if (name) node.className = name.split(" ").map((one) => `vivit-x-${one}`).join(" ");
  // a host's own shortcuts rest while a control has the focus; JupyterLab looks at the control alone
  if (node.matches("button, select, input, summary, [tabindex]")) node.dataset.lmSuppressShortcuts = "true";
  node.append(...children);
  return node;
}

function choice(label, act) {
  const select = make("select", "select", { onchange: () => act(select.value) });
  select.setAttribute("aria-label", label); // the label's own text would say every option too
  return make("label", "field", {}, make("span", "name", { textContent: label }), select);
}

// Options anew only where they differ: a select that is rebuilt loses the focus.
function offer(field, pairs, chosen) {
  const select = field.lastChild, now = [...select.options].map(({ value, textContent }) => [value, textContent]);
  if (!same(now, pairs.map(([value, text]) => [String(value), text]))) {
    select.replaceChildren(...pairs.map(([value, text]) => make("option", "", { value, textContent: text })));
  }
  select.value = String(chosen);
}

// A text in a place that is always high enough for the longest one, so that nothing below it moves.
function held(name, options = {}) {
  const text = make("div", "live"), longest = make("div", "longest");
  longest.setAttribute("aria-hidden", "true");
  const node = make("div", `held ${name}`, options, text, longest);
  return { node, say(words) { if (text.textContent !== words) text.textContent = words; }, reserve(words) { longest.textContent = words; } };
}

function bar({ session, act, view }) {
  const { model, clock } = session, { class_token: hasToken, models } = model.get("meta");
  const play = make("button", "button", { type: "button", onclick: () => clock.toggle() });
  const scrub = make("input", "scrub", { type: "range", min: 0, step: 1, oninput: () => { clock.stop(); act.show(+scrub.value); } });
  scrub.setAttribute("aria-label", "frame");
  const time = make("span", "clock");
  const strength = make("input", "strength", { type: "range", min: 0, max: 1, step: 0.05,
    oninput: () => session.set({ strength: +strength.value }) });
  strength.setAttribute("aria-label", "strength of the overlay");
  const looks = Object.fromEntries(Object.keys(CHOICES).map((name) =>
    [name, choice(name, (value) => session.set({ [name]: name === "speed" ? +value : value }))]));
  const token = make("button", "button", { type: "button", textContent: "class token", onclick: () => act.ask(-1) });
  const read = make("button", "button", { type: "button", textContent: "read weights", onclick: () => act.read(!view.reads),
    title: "taps and arrows then read the weight of a token, and do not choose it" });
  const compare = make("button", "button", { type: "button", onclick: () => {
    const list = model.get("panels"), last = models.length - 1; // the other model, or the only one's first layer
    const other = { ...list[0], model: last, ...(last ? {} : { layer: models[0].layers[0].name }) };
    session.set({ panels: list.length > 1 ? list.slice(0, 1) : [list[0], fitting(other, models)] });
  } });
  const keysShown = make("button", "button", { type: "button", textContent: "keys", onclick: () => act.help() });
  const moving = model.get("clip").count > 1, film = moving ? [play, scrub, time, looks.speed] : [];
  const node = make("div", "bar", {}, ...film, ...(hasToken ? [token] : []), read, looks.scale, looks.view,
    make("label", "field", {}, make("span", "name", { textContent: "strength" }), strength), compare, keysShown);
  function update() {
    play.textContent = clock.playing ? "❚❚ pause" : "▶ play";
    compare.textContent = model.get("panels").length > 1 ? "one panel" : "compare";
    scrub.max = session.film.clip.count - 1;
    strength.value = model.get("strength");
    read.setAttribute("aria-pressed", String(view.reads));
    keysShown.setAttribute("aria-expanded", String(view.helps));
    for (const [name, field] of Object.entries(looks)) offer(field, CHOICES[name], model.get(name));
    tick();
  }
  function tick() {
    const { clip } = session.film, frame = model.get("frame");
    scrub.value = frame;
    scrub.setAttribute("aria-valuetext", momentOf(clip, frame));
    time.textContent = momentOf(clip, frame);
  }
  return { node, update, tick };
}

// A panel whose layer and head its model has.
function fitting(panel, models) {
  const { layers } = models[panel.model], layer = layers.find(({ name }) => name === panel.layer) || layers[0];
  const head = layer.heads.includes(panel.head) ? panel.head : layer.heads.includes("mean") ? "mean" : layer.heads[0];
  return { ...panel, layer: layer.name, head };
}

// ---- keys

const OWN = { SELECT: () => true, BUTTON: (key) => key === " " || key === "Enter", SUMMARY: (key) => key === " " || key === "Enter" };

// What a control does with a key by itself is the control's.
function isOwn({ target, key }) {
  if (target.matches("input")) return target.type !== "range" || /^(Arrow|Home|End|Page)/.test(key);
  return Boolean(OWN[target.tagName]?.(key));
}

// The key's letter on a Latin keyboard, whatever the layout, and whether it goes the other way round: with Shift alone.
function letterOf({ key, code, shiftKey }) {
  if (/^[a-z]$/i.test(key)) return [key.toLowerCase(), shiftKey];
  return /^Key[A-Z]$/.test(code) && !/^[ -~]$/.test(key) ? [code.at(-1).toLowerCase(), shiftKey] : [key, shiftKey];
}

function keysOf({ session, act, view }) {
  const { model, source } = session, { grid: [nt, nh, nw], class_token: hasToken, models } = model.get("meta"), places = nh * nw;
  const moving = model.get("clip").count > 1, every = source.every || 1;
  const step = (by, size, length) => () => {
    const from = Math.max(view.reads && view.cursor >= 0 ? view.cursor : model.get("query"), 0), now = Math.floor(from / size) % length;
    const far = size < places && !view.reads ? by * every : by; // past patches of which a page holds no rows
    if (now + far >= 0 && now + far < length) (view.reads ? act.point : act.ask)(from + far * size);
  };
  const turn = (list, now, back) => list[(list.indexOf(now) + (back ? -1 : 1) + list.length) % list.length];
  const first = () => model.get("panels")[0];
  const acts = {
    ArrowLeft: step(-1, 1, nw), ArrowRight: step(1, 1, nw), ArrowUp: step(-1, nw, nh), ArrowDown: step(1, nw, nh),
    ",": step(-1, places, nt), ".": step(1, places, nt), "[": step(-1, places, nt), "]": step(1, places, nt),
    l: (back) => act.change(0, { layer: turn(models[first().model].layers.map(({ name }) => name), first().layer, back) }),
    h: (back) => act.change(0, { head: turn(session.layerOf(first()).heads, first().head, back) }),
    v: (back) => session.set({ view: turn(["overlay", "contour"], model.get("view"), back) }),
    s: (back) => session.set({ scale: turn(["row", "unit", "uniform"], model.get("scale"), back) }),
    r: () => act.read(!view.reads),
    "?": () => act.help(),
  };
  if (hasToken) acts.c = () => act.ask(-1);
  if (moving) acts[" "] = () => session.clock.toggle();
  const words = ["arrows move the token", ...(nt > 1 ? [", and . in time"] : []), ...(hasToken ? ["c class token"] : []), "l layer", "h head",
    "v view", "s scale", "r read weights", ...(moving ? ["space plays"] : []), "? these keys", "Escape leaves"];
  return { acts, words: `Keys: ${words.join("; ")}. With Shift, l, h, v and s go back.` };
}

// Every key that is pressed within stays within, but for Tab, Escape and the browser's own.
function obey(event, root, acts) {
  if (event.key === "Tab" || event.ctrlKey || event.metaKey || event.altKey) return;
  event.stopPropagation();
  if (event.key === "Escape") return leave(root);
  const [letter, back] = letterOf(event);
  if (isOwn(event) || !Object.hasOwn(acts, letter)) return;
  event.preventDefault();
  acts[letter](back);
}

// The focus to the cell around, whose keys are the host's.
function leave(root) {
  const outer = root.parentElement.closest("[tabindex]");
  root.getRootNode().activeElement.blur(); // some hosts have widgets in a shadow
  outer?.focus({ preventScroll: true });
}
