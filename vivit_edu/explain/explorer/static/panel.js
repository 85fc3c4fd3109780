// A panel: one layer and head of a model; a large playing frame, the film strip, the scale, the weight pointed at.

function buildPanel(number, { session, act, view }) {
  const { model, film: { clip } } = session, { models, grid, crop } = model.get("meta"), [nt, nh, nw] = grid, places = nh * nw;
  const tokenUnder = (canvas, time, event) => {
    const box = canvas.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top) / (box.height * crop[0]) * nh);
    const column = Math.floor((event.clientX - box.left) / (box.width * crop[1]) * nw);
    return time < 0 || row >= nh || column >= nw || row < 0 || column < 0 ? -1 : time * places + row * nw + column;
  };
  const canvasOf = (size, time) => {
    const shown = Math.max(1, Math.round(size / clip.width)), sharp = clip.width < 97 ? shown : 1;
    const canvas = make("canvas", "frame", { width: clip.width * sharp, height: clip.height * sharp });
    canvas.setAttribute("role", "img");
    let down = -1; // the token where the pointer went down, whatever moves until it comes up
    canvas.onpointerdown = (event) => { down = tokenUnder(canvas, time(), event); };
    canvas.onclick = () => { act.take(down); down = -1; };
    canvas.onpointermove = (event) => { if (event.pointerType !== "touch" && !view.reads) act.hover(number, tokenUnder(canvas, time(), event)); };
    canvas.onpointerleave = () => { if (!view.reads) act.hover(number, -1); };
    return canvas;
  };
  const large = canvasOf(320, () => session.film.clip.times[model.get("frame")]);
  const tiles = Array.from({ length: nt }, (_, t) => canvasOf(112, () => t));
  const captions = tiles.map(() => make("figcaption"));
  const strip = make("div", "film", {}, ...tiles.map((tile, t) => make("figure", "tile", {}, tile, captions[t])));
  strip.style.gridTemplateColumns = `repeat(${Math.ceil(nt / Math.ceil(nt / 6))}, minmax(0, 150px))`; // rows of one length
  const scale = make("canvas", "colours", { width: 160, height: 10 }), least = make("span", "", { textContent: "0" }), most = make("span");
  const pointed = held("pointed");
  pointed.reserve(`${nameOf(nt * places - 1, grid)}: out of the query's sight (${spell(1e-9)})`);
  const fields = make("div", "fields"), chooseModel = choice("model", (value) => act.change(number, { model: +value }));
  const chooseLayer = choice("layer", (layer) => act.change(number, { layer })), chooseHead = choice("head", (head) => act.change(number, { head }));
  fields.append(...(models.length > 1 ? [chooseModel] : []), chooseLayer, chooseHead);
  const legend = make("div", "legend", {}, least, scale, most);
  const node = make("section", "panel", {}, fields, make("div", "stage", {}, make("div", "side", {}, large, legend, pointed.node), strip));
  node.setAttribute("aria-label", `panel ${number + 1}`);

  // What of the film this panel paints: with the map, or without one while there is none.
  function lookAt(now) {
    const map = now.maps?.[number] || null;
    return { map, grid, crop, tokens: nt * places, query: map?.reach === "output" ? -1 : now.query, cursor: view.reads ? view.cursor : -1,
      scale: model.get("scale"), view: model.get("view"), strength: model.get("strength") };
  }
  function chosen() {
    const panel = model.get("panels")[number], { layers } = models[panel.model];
    offer(chooseModel, models.map(({ name }, i) => [i, name]), panel.model);
    offer(chooseLayer, layers.map(({ name, label }) => [name, label]), panel.layer);
    offer(chooseHead, session.layerOf(panel).heads.map((head) => [head, isNaN(head) ? `${head} of all` : `head ${head}`]), panel.head);
    node.className = `vivit-x-panel vivit-x-${panel.layer.split("/")[0]}`;
  }
  function draw(now) {
    const look = lookAt(now), { map } = look, { pictures, clip } = session.film;
    chosen();
    node.setAttribute("aria-busy", String(session.phase !== "here"));
    tiles.forEach((tile, t) => {
      const first = Math.max(0, clip.times.indexOf(t));
      captions[t].textContent = momentOf(clip, first);
      tile.setAttribute("aria-label", `time ${t}, ${momentOf(clip, first)}`);
      paintFrame(tile, pictures[first], t, look);
    });
    const top = map ? topOf(look.scale, map, look.tokens) : 0;
    most.textContent = map ? spell(top) : "…";
    if (map) paintScale(scale, map.uniform, top);
    scale.title = map ? `the tick: ${spell(map.uniform)}, an equal share` : "";
    pointed.node.ariaLive = view.reads ? "polite" : "off"; // what is read is said, what a pointer passes is not
    point(view.reads ? view.cursor : -1, now);
    drawLarge(now);
  }
  function drawLarge(now) {
    const frame = model.get("frame"), { pictures, clip } = session.film;
    paintFrame(large, pictures[frame], clip.times[frame], lookAt(now));
    tiles.forEach((tile, t) => tile.classList.toggle("vivit-x-now", t === clip.times[frame]));
    large.setAttribute("aria-label", `frame ${frame}, time ${clip.times[frame]}`);
  }
  function point(token, now) {
    const map = now.maps?.[number];
    if (!map) return pointed.say("");
    if (token < 0) return pointed.say(map.seen.includes(0) ? "striped: out of the query's sight" : "");
    return pointed.say(`${nameOf(token, grid)}: ${map.seen[token] ? `weight ${spell(map.weights[token])}` : "out of the query's sight"}`);
  }
  return { node, draw, drawLarge, point, pointed };
}
