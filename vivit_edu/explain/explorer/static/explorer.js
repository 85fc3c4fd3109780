// The attention explorer: what one sees and touches. All state is in the model, so a page without a kernel holds
// the same widget; where rows are not in the page, a kernel answers each query with one.

const CHOICES = {
  scale: [["row", "to the largest weight"], ["unit", "from 0 to 1"], ["uniform", "to 10 times uniform"]],
  view: [["overlay", "overlay"], ["contour", "contour"]],
};
const HELP = "Keys: arrows move the query, comma and full stop in time, c class token, l L layer, h H head, v view, s scale, space plays";

function make(tag, name, options = {}, ...children) {
  const node = Object.assign(document.createElement(tag), options);
  if (name) node.className = `vivit-x-${name}`;
  node.append(...children);
  return node;
}

function choice(label, pairs, chosen, act) {
  const select = make("select", "select", { onchange: () => act(select.value) });
  select.append(...pairs.map(([value, text]) => make("option", "", { value, textContent: text })));
  select.value = chosen;
  select.setAttribute("aria-label", label); // the label's own text would say every option too
  return make("label", "field", {}, make("span", "name", { textContent: label }), select);
}

function render({ model, el }) {
  const meta = model.get("meta"), state = { playing: false, maps: [], timer: 0 };
  const set = (name, value) => { model.set(name, value); model.save_changes(); };
  const root = make("div", "root", { tabIndex: 0 });
  root.setAttribute("role", "application");
  root.setAttribute("aria-label", `Attention explorer. ${HELP}`);
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own keys rest while this has the focus
  const said = make("div", "said", { role: "status" });
  said.setAttribute("aria-live", "polite");
  const panels = make("div", "panels"), bar = make("div", "bar"), heads = make("div", "heads");
  root.append(bar, panels, said, heads, make("div", "help", { textContent: HELP }));
  el.append(root);

  let pictures, clip;
  function readClip() {
    clip = model.get("clip");
    pictures = picturesOf(bytesOf(model.get("frames")), clip.count, clip.height, clip.width);
  }

  // ---- what is asked, and what is known
  const at = (number) => model.get("panels")[number];
  const about = (panel) => meta.models[panel.model].layers.find((layer) => layer.name === panel.layer);
  const grid = meta.grid, [nt, nh, nw] = grid, places = nh * nw, tokens = nt * places;
  let blob, tops, told, rows;
  function readRows() {
    [blob, tops] = [bytesOf(model.get("blob")), floatsOf(model.get("tops"))];
    [told, rows] = [model.get("told"), floatsOf(model.get("rows"))];
  }
  function mapOf(number) {
    const panel = at(number), { reach } = about(panel), entry = meta.stored[keyOf(panel)], query = model.get("query");
    const exact = toldRow(told, rows, number, panel, query, model.get("off")); // the page's own rows are rounded
    const row = exact || (entry ? storedRow(entry, blob, tops, reach, query, grid, meta.every) : null);
    return row && onGrid(row, reach, query, grid);
  }

  // ---- panels: a large playing frame, the film strip, the scale
  let drawn = [];
  function build() {
    drawn = model.get("panels").map((panel, number) => buildPanel(panel, number));
    panels.replaceChildren(...drawn.map((panel) => panel.node));
  }
  function change(number, part) {
    const list = model.get("panels").map((panel) => ({ ...panel }));
    const next = Object.assign(list[number], part), layers = meta.models[next.model].layers;
    const layer = layers.find((l) => l.name === next.layer) || layers[0];
    next.layer = layer.name;
    if (!layer.heads.includes(next.head)) next.head = layer.heads.includes("mean") ? "mean" : layer.heads[0];
    set("panels", list);
  }
  function buildPanel(panel, number) {
    const canvasOf = (size, time) => {
      const shown = Math.max(1, Math.round(size / clip.width)), sharp = clip.width < 97 ? shown : 1;
      const canvas = make("canvas", "frame", { width: clip.width * sharp, height: clip.height * sharp });
      canvas.setAttribute("role", "img");
      canvas.onclick = (event) => { root.focus({ preventScroll: true }); ask(tokenUnder(canvas, time(), event)); };
      canvas.onmousemove = (event) => point(number, tokenUnder(canvas, time(), event));
      canvas.onmouseleave = () => point(number, -1);
      return canvas;
    };
    const large = canvasOf(320, () => clip.times[model.get("frame")]);
    const tiles = Array.from({ length: nt }, (_, t) => canvasOf(112, () => t));
    const seconds = (t) => `${(Math.max(0, clip.times.indexOf(t)) / clip.fps).toFixed(2)} s`;
    const film = make("div", "film", {}, ...tiles.map((tile, t) =>
      make("figure", "tile", {}, tile, make("figcaption", "", { textContent: seconds(t) }))));
    const scale = make("canvas", "colours", { width: 160, height: 10 }), least = make("span"), most = make("span");
    const pointed = make("div", "pointed"), fields = make("div", "fields"), { layers } = meta.models[panel.model];
    if (meta.models.length > 1)
      fields.append(choice("model", meta.models.map((m, i) => [String(i), m.name]), String(panel.model),
        (value) => change(number, { model: Number(value) })));
    fields.append(
      choice("layer", layers.map((layer) => [layer.name, layer.label]), panel.layer, (layer) => change(number, { layer })),
      choice("head", about(panel).heads.map((head) => [head, isNaN(head) ? `${head} of all` : `head ${head}`]), panel.head,
        (head) => change(number, { head })));
    const legend = make("div", "legend", {}, least, scale, most);
    const kind = panel.layer.split("/")[0];
    const node = make("section", `panel vivit-x-${kind}`, {}, fields,
      make("div", "stage", {}, make("div", "side", {}, large, legend, pointed), film));
    node.setAttribute("aria-label", `panel ${number + 1}`);
    const across = Math.ceil(nt / Math.ceil(nt / 6)); // tiles in rows of one length, six at most
    film.style.gridTemplateColumns = `repeat(${across}, minmax(0, 150px))`;
    return { node, large, tiles, scale, least, most, pointed };
  }
  function tokenUnder(canvas, time, event) {
    const box = canvas.getBoundingClientRect(), [h, w] = meta.crop;
    const row = Math.floor((event.clientY - box.top) / (box.height * h) * nh);
    const column = Math.floor((event.clientX - box.left) / (box.width * w) * nw);
    return time < 0 || row >= nh || column >= nw || row < 0 || column < 0 ? null : time * places + row * nw + column;
  }
  function point(number, token) {
    const map = state.maps[number];
    const rest = map && map.seen.includes(0) ? "grey: out of the query's sight" : "";
    drawn[number].pointed.textContent = !map || token === null || token < 0 ? rest : map.seen[token]
      ? `${nameOf(token, grid)}: weight ${spell(map.weights[token])}` : `${nameOf(token, grid)}: out of the query's sight`;
  }
  function ask(query) {
    if (query === null || query < 0 && !meta.class_token) return;
    if (query >= 0 && !state.playing) show(clip.times.indexOf(Math.floor(query / places)));
    set("query", meta.live ? query : keptQuery(query, grid, meta.every));
  }
  function show(frame) {
    model.set("frame", Math.max(0, frame));
    if (!state.playing) model.save_changes();
  }

  // ---- drawing
  const look = () => ({ grid, tokens, query: model.get("query"), scale: model.get("scale"), view: model.get("view"),
    strength: model.get("strength"), crop: meta.crop });
  function draw() {
    if (drawn.length !== model.get("panels").length) return;
    drawn.forEach((panel, number) => {
      const fresh = mapOf(number); // a row that is still on its way leaves the last one standing
      const map = (state.maps[number] = fresh || state.maps[number] || null), now = look();
      panel.node.setAttribute("aria-busy", String(!fresh));
      panel.tiles.forEach((tile, t) => paintFrame(tile, pictures[Math.max(0, clip.times.indexOf(t))], map, t, now));
      panel.tiles.forEach((tile, t) => tile.setAttribute("aria-label", `time ${t}`));
      if (map) {
        panel.least.textContent = "0";
        const top = topOf(now.scale, map, tokens);
        panel.most.textContent = spell(top);
        paintScale(panel.scale, map.uniform, top);
        panel.scale.title = `the tick: ${spell(map.uniform)}, an equal share`;
        point(number, -1);
      }
    });
    drawLarge();
    say();
    state.onDraw?.();
  }
  function drawLarge() {
    const frame = model.get("frame");
    drawn.forEach((panel, number) => {
      paintFrame(panel.large, pictures[frame], state.maps[number], clip.times[frame], look());
      panel.tiles.forEach((tile, t) => tile.classList.toggle("vivit-x-now", t === clip.times[frame]));
      panel.large.setAttribute("aria-label", `frame ${frame}, time ${clip.times[frame]}`);
    });
    scrub.value = frame;
    clock.textContent = `${(frame / clip.fps).toFixed(2)} s`;
  }
  function say() {
    const query = model.get("query"), who = query < 0 ? "The class token" : `The token at ${nameOf(query, grid)}`;
    const looks = state.maps.slice(0, drawn.length).map((map, i) => {
      if (!map) return "waits for the kernel";
      const { label, reach } = about(at(i)), { head, layer } = at(i), own = map.classWeight > 0 && layer !== "rollout";
      const where = reach === "time" ? `time ${Math.floor(map.most / places)}` : nameOf(map.most, grid);
      return `in ${label}, ${isNaN(head) ? head + " of heads" : "head " + head}, it looks most at ${where} `
        + `(${spell(map.top)})${own ? `, and ${spell(map.classWeight)} at the class token` : ""}`;
    });
    said.textContent = `${who}: ${looks.join("; ")}. ${model.get("notice")}`;
  }

  // ---- the bar: playing and looks
  const play = make("button", "button", { type: "button", onclick: () => toggle() });
  const scrub = make("input", "scrub", { type: "range", min: 0, step: 1, oninput: () => { stop(); show(+scrub.value); } });
  scrub.setAttribute("aria-label", "frame");
  const clock = make("span", "clock");
  const strength = make("input", "strength", { type: "range", min: 0, max: 1, step: 0.05,
    oninput: () => set("strength", +strength.value) });
  strength.setAttribute("aria-label", "strength of the overlay");
  const looks = Object.entries(CHOICES).map(([name, pairs]) => choice(name, pairs, model.get(name), (v) => set(name, v)));
  const token = make("button", "button", { type: "button", textContent: "class token", onclick: () => ask(-1) });
  const compare = make("button", "button", { type: "button", onclick: () => {
    const list = model.get("panels"), last = meta.models.length - 1; // the other model, or the only one's first layer
    const other = { ...list[0], model: last, ...(last ? {} : { layer: meta.models[0].layers[0].name }) };
    set("panels", list.length > 1 ? list.slice(0, 1) : [list[0], other]);
  } });
  bar.append(play, scrub, clock, ...(meta.class_token ? [token] : []), ...looks,
    make("label", "field", {}, make("span", "name", { textContent: "strength" }), strength), compare);
  if (meta.live) bar.append(dropZone(root, model));
  function toggle() { state.playing ? stop() : start(); }
  function start() {
    state.playing = true;
    state.timer = setInterval(() => { model.set("frame", (model.get("frame") + 1) % clip.count); }, 1000 / clip.fps);
    controls();
  }
  function stop() {
    clearInterval(state.timer);
    state.playing = false;
    controls();
  }
  function controls() {
    play.textContent = state.playing ? "❚❚ pause" : "▶ play";
    compare.textContent = model.get("panels").length > 1 ? "one panel" : "compare";
    scrub.max = clip.count - 1;
    strength.value = model.get("strength");
    looks.forEach((field, i) => { field.lastChild.value = model.get(Object.keys(CHOICES)[i]); });
  }

  root.onkeydown = (event) => {
    const move = keys(event, { model, meta, about, change, ask, set, toggle });
    if (move) { event.preventDefault(); event.stopPropagation(); }
  };
  const rebuild = () => { readRows(); build(); controls(); draw(); };
  const listeners = { panels: rebuild, told: () => { readRows(); draw(); }, frame: drawLarge,
    clip: () => { stop(); readClip(); state.maps = []; rebuild(); } };
  for (const name of ["query", "scale", "view", "strength"]) listeners[name] = () => { controls(); draw(); };
  const knocks = knockOuts(heads, { model, meta, set, say });
  listeners.off = listeners.probabilities = knocks;
  listeners.notice = say;
  for (const [name, listener] of Object.entries(listeners)) model.on(`change:${name}`, listener);
  readClip();
  rebuild();
  knocks();
  if (model.get("autoplay") && !matchMedia("(prefers-reduced-motion: reduce)").matches) start();
  return () => {
    clearInterval(state.timer);
    for (const [name, listener] of Object.entries(listeners)) model.off(`change:${name}`, listener);
  };
}

export default { render };
