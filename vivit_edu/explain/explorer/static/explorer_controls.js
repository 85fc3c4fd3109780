// Keys, the switches of the heads with the probabilities beside them, and the place for a reader's own video.

const PIECE = 4e6; // bytes of a file sent at a time: a Jupyter server takes messages of 10 MB

// True where the key is one of the explorer's, and has been obeyed.
function keys(event, { model, meta, about, change, ask, set, toggle }) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input")) return false;
  if (event.key === " " && event.target.matches("button")) return false;
  const [nt, nh, nw] = meta.grid, places = nh * nw, query = model.get("query");
  const panel = model.get("panels")[0], layers = meta.models[panel.model].layers;
  const step = (by, size, length) => {
    const from = Math.max(query, 0), now = Math.floor(from / size) % length;
    const far = size < places && !meta.live ? by * meta.every : by; // past patches of which a page holds no rows
    if (now + far >= 0 && now + far < length) ask(from + far * size);
  };
  const turn = (list, now, by) => list[(list.indexOf(now) + by + list.length) % list.length];
  const acts = {
    ArrowLeft: () => step(-1, 1, nw), ArrowRight: () => step(1, 1, nw),
    ArrowUp: () => step(-1, nw, nh), ArrowDown: () => step(1, nw, nh),
    ",": () => step(-1, places, nt), ".": () => step(1, places, nt),
    "[": () => step(-1, places, nt), "]": () => step(1, places, nt),
    c: () => ask(-1), " ": toggle,
    l: () => change(0, { layer: turn(layers.map((l) => l.name), panel.layer, 1) }),
    L: () => change(0, { layer: turn(layers.map((l) => l.name), panel.layer, -1) }),
    h: () => change(0, { head: turn(about(panel).heads, panel.head, 1) }),
    H: () => change(0, { head: turn(about(panel).heads, panel.head, -1) }),
    v: () => set("view", model.get("view") === "overlay" ? "contour" : "overlay"),
    s: () => set("scale", turn(["row", "unit", "uniform"], model.get("scale"), 1)),
  };
  acts[event.key]?.();
  return event.key in acts;
}

// A switch for each head, and what the model answers with and without those that are off.
function knockOuts(place, { model, meta, set }) {
  const switches = meta.models.flatMap((one, number) => one.layers.filter((layer) => layer.name !== "rollout").map((layer) =>
    ({ one, number, layer, count: layer.count })));
  const box = make("details", "knock", { open: false }), bars = make("div", "bars"), grid = make("div", "switches");
  const buttons = [];
  for (const { one, number, layer, count } of switches) {
    const row = make("div", `switch-row vivit-x-${layer.name.split("/")[0]}`, {},
      make("span", "name", { textContent: meta.models.length > 1 ? `${one.name} ${layer.label}` : layer.label }));
    for (let head = 0; head < count; head++) {
      const key = `${number}|${layer.name}|${head}`;
      const button = make("button", "switch", { type: "button", textContent: head, onclick: () => {
        const off = model.get("off"), more = meta.live ? [...off, key] : [key]; // a page knows one head off at a time
        set("off", off.includes(key) ? off.filter((k) => k !== key) : more);
      } });
      button.setAttribute("aria-label", `switch off head ${head} of ${one.name} ${layer.label}`);
      buttons.push([key, button]);
      row.append(button);
    }
    grid.append(row);
  }
  box.append(make("summary", "", { textContent: "Knock heads out: does the answer change?" }),
    make("div", "knock-body", {}, grid, bars));
  if (switches.length && (meta.live || Object.keys(meta.knocked).length)) place.append(box);
  return () => {
    const off = model.get("off");
    for (const [key, button] of buttons) button.setAttribute("aria-pressed", String(off.includes(key)));
    const told = model.get("probabilities"), known = !meta.live && off.length ? meta.knocked[off[0]] : null;
    bars.replaceChildren(...told.map((group, g) => groupOf({ ...group, after: known ? known[g] : group.after })));
  };
}

// The classes that are likeliest before or after, with both probabilities.
function groupOf({ title, names, before, after }) {
  const most = (i) => Math.max(before[i], after[i]), order = before.map((_, i) => i).sort((a, b) => most(b) - most(a));
  const rows = order.slice(0, 4).map((i) => make("div", "bar-row", {},
    make("span", "class", { textContent: names[i], title: names[i] }),
    make("span", "track", {}, fill("before", before[i]), fill("after", after[i])),
    make("output", "chance", { textContent: `${percent(before[i])} → ${percent(after[i])}` })));
  return make("div", "group", {}, make("div", "name", { textContent: `${title}: intact (grey) → now (green)` }), ...rows);
}

function fill(name, value) {
  const node = make("span", name);
  node.style.width = `${100 * value}%`;
  return node;
}
const percent = (value) => `${(100 * value).toFixed(1)} %`;

function dropZone(root, model) {
  const file = make("input", "file", { type: "file", accept: "video/*", onchange: () => take(file.files[0]) });
  async function take(video) {
    if (!video) return;
    model.set("notice", `Reading ${video.name} …`);
    const bytes = new Uint8Array(await video.arrayBuffer());
    for (let start = 0; start === 0 || start < bytes.length; start += PIECE) {
      const last = start + PIECE >= bytes.length;
      model.send({ name: video.name, start, last }, undefined, [bytes.slice(start, start + PIECE).buffer]);
    }
  }
  root.ondragover = (event) => event.preventDefault();
  root.ondrop = (event) => { event.preventDefault(); take(event.dataTransfer.files[0]); };
  return make("label", "field", { title: "or drop a video here" }, make("span", "name", { textContent: "your own video" }), file);
}
