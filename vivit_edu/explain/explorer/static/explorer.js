// The attention explorer: what one sees and touches, of a session that several cells may share.

function show({ model, el, session }) {
  const meta = model.get("meta"), { grid } = meta, [nt, nh, nw] = grid, places = nh * nw;
  const view = { reads: false, cursor: -1, helps: false };
  const act = {
    ask(query) {
      if (query < 0 && !meta.class_token) return;
      if (query >= 0 && !session.clock.playing) act.show(session.film.clip.times.indexOf(Math.floor(query / places)));
      session.set({ query: keptQuery(query, grid, session.source.every) });
    },
    /** A token that was pressed: to look from, or to read the weight of. */
    take(token) {
      root.focus({ preventScroll: true });
      if (token >= 0) (view.reads ? act.point : act.ask)(token);
    },
    point(token) {
      view.cursor = token;
      draw();
    },
    hover(number, token) { panels[number].point(token, session.now); },
    read(reads) {
      view.reads = reads;
      view.cursor = reads ? Math.max(0, session.now.query) : -1;
      draw();
    },
    help() {
      view.helps = !view.helps;
      draw();
    },
    show(frame) {
      model.set("frame", Math.max(0, frame));
      session.kernel.save();
    },
    change(number, part) {
      const list = model.get("panels").map((panel) => ({ ...panel }));
      list[number] = fitting({ ...list[number], ...part }, meta.models);
      session.set({ panels: list });
    },
  };
  const parts = { session, act, view }, { acts, words } = keysOf(parts);
  const root = make("div", "root", { tabIndex: 0, onkeydown: (event) => obey(event, root, acts) });
  root.dataset.lmSuppressShortcuts = "true";
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Attention explorer: arrow keys move the token, ? shows all keys");
  const stop = (event) => event.stopPropagation(); // a host's own shortcuts
  Object.assign(root, { onkeyup: stop, onkeypress: stop });
  const said = held("said"), notice = make("div", "notice"), help = make("div", "help", { textContent: words });
  said.node.setAttribute("role", "status");
  const above = bar(parts), knocks = knockOuts(parts), own = session.source.reads ? dropZone(root, session) : null;
  const place = make("div", "panels");
  root.append(above.node, place, said.node, ...(knocks.node ? [knocks.node] : []), ...(own ? [own.node] : []), notice, help);
  root.session = session; // for whoever wants the numbers behind the picture
  el.append(root);
  let panels = [];

  function build() {
    const { length } = model.get("panels");
    if (panels.length === length) return;
    panels = Array.from({ length }, (_, number) => panels[number] || buildPanel(number, parts));
    place.replaceChildren(...panels.map(({ node }) => node));
  }

  function draw() {
    const now = session.now;
    build();
    panels.forEach((panel) => panel.draw(now));
    above.update();
    knocks.update(now);
    own?.update();
    help.hidden = !view.helps;
    notice.textContent = session.notice;
    said.say(wordsOf(now));
    said.reserve(longestOf(now));
  }

  const who = (query) => (query < 0 ? "The class token" : `The token at ${nameOf(query, grid)}`);
  const inWhich = (panel, number) => `${meta.models.length > 1 ? `${meta.models[panel.model].name}, ` : ""}${session.layerOf(panel).label}, ${headName(panel.head)}`;

  function wordsOf(now) {
    if (session.phase === "failed") return `This cannot be shown: ${session.error}.`;
    if (session.phase === "silent") return `${session.kernel.isGone ? "The kernel that made this is gone" : "No kernel has answered: it is busy, or gone"}; ${session.source.late}.`;
    if (!now.maps) return `${who(now.query)}: computing where it looks …`;
    const looks = now.maps.map((map, i) => {
      const panel = now.panels[i], where = map.reach === "time" ? `time ${Math.floor(map.most / places)}` : nameOf(map.most, grid);
      if (map.reach === "output") return `by ${inWhich(panel)}, the model's output, whichever token is chosen, comes most from ${where} (${spell(map.top)})`;
      const own = map.classWeight > 0 && panel.layer !== "rollout" ? `, and ${spell(map.classWeight)} at the class token` : "";
      return `in ${inWhich(panel)}, it looks most at ${where} (${spell(map.top)})${own}`;
    });
    const off = now.off.length ? ` ${headsOff(now.off.length)}, maps of the ${now.of === "intact" ? "intact model" : "model without them"}: ${answerOf(now.groups)}.` : "";
    return `${who(now.query)}: ${looks.join("; ")}.${off}`;
  }

  // The longest that those words can be, of these panels, whatever the token.
  function longestOf(now) {
    const far = nameOf(nt * places - 1, grid), whole = now.panels.map((panel) => `by ${inWhich(panel)}, the model's output, whichever token is `
      + `chosen, comes most from ${far} (${spell(0.12345)}), and ${spell(0.12345)} at the class token`);
    const names = model.get("probabilities").map((group) => `${group.title} ${group.names.reduce((a, b) => (b.length > a.length ? b : a))}, 100.0 %`);
    const off = now.off.length ? ` ${headsOff(88)}, maps of the model without them: ${names.join("; ")}.` : "";
    return `The token at ${far}: ${whole.join("; ")}.${off}`;
  }

  const tick = () => {
    panels.forEach((panel) => panel.drawLarge(session.now));
    above.tick();
  };
  const listeners = { frame: tick, scale: draw, view: draw, strength: draw, speed: draw, panels: draw };
  for (const [name, listener] of Object.entries(listeners)) model.on(`change:${name}`, listener);
  const leaveSession = session.join(draw);
  draw();
  return () => {
    leaveSession();
    for (const [name, listener] of Object.entries(listeners)) model.off(`change:${name}`, listener);
  };
}

// Where a reader gives a video of their own.
function dropZone(root, session) {
  const { reading } = session;
  const file = make("input", "file", { type: "file", accept: "video/*", onchange: () => {
    const [video] = file.files;
    file.value = ""; // so that the same file may be chosen again
    reading.take(video);
  } });
  const stop = make("button", "button", { type: "button", textContent: "stop reading", hidden: true, onclick: () => reading.stop() });
  root.ondragover = (event) => event.preventDefault();
  root.ondrop = (event) => { event.preventDefault(); reading.take(event.dataTransfer.files[0]); };
  const label = make("label", "field", { title: "or drop a video here" }, make("span", "name", { textContent: "your own video" }), file);
  return { node: make("div", "own", {}, label, stop), update() { stop.hidden = !reading.busy; } };
}

// One session for a widget, whichever of its cells is shown first.
const explorer = () => {
  let session;
  const initialize = ({ model }) => { session ||= new Session(model); };
  return { initialize, render({ model, el }) { initialize({ model }); return show({ model, el, session }); } };
};

export default explorer;
