// The switches of the heads, and what the model answers with and without those that are off.

function knockOuts({ session }) {
  const { model, source } = session, { models } = model.get("meta");
  const named = model.get("probabilities").map(({ title, names }) => ({ title, names }));
  const bars = make("div", "bars"), grid = make("div", "switches"), buttons = [];
  const press = (key) => {
    const off = model.get("off");
    session.set({ off: off.includes(key) ? off.filter((one) => one !== key) : [...off, key] });
  };
  models.forEach((one, number) => one.layers.filter(({ count }) => count).forEach((layer) => {
    const name = models.length > 1 ? `${one.name} ${layer.label}` : layer.label;
    const row = make("div", `switch-row ${layer.name.split("/")[0]}`, {}, make("span", "name", { textContent: name }));
    for (let head = 0; head < layer.count; head++) {
      const key = `${number}|${layer.name}|${head}`;
      const button = make("button", "switch", { type: "button", textContent: head, onclick: () => press(key) });
      button.setAttribute("aria-label", `${head}: switch off head ${head} of ${one.name} ${layer.label}`);
      buttons.push([key, button]);
      row.append(button);
    }
    grid.append(row);
  }));
  const allOn = make("button", "button", { type: "button", textContent: "all heads on", onclick: () => session.set({ off: [] }) });
  const maps = choice("maps of", (value) => session.set({ maps: value }));
  const rule = make("div", "bar", {}, allOn, maps);
  const summary = make("summary", "", { textContent: "Knock heads out: does the answer change?" });
  const node = make("details", "knock", {}, summary, make("div", "knock-body", {}, make("div", "", {}, grid, rule), bars));
  function update({ off, groups }) {
    for (const [key, button] of buttons) button.setAttribute("aria-pressed", String(model.get("off").includes(key)));
    offer(maps, [["now", "the model without the heads that are off"], ["intact", "the intact model"]], model.get("maps"));
    allOn.setAttribute("aria-disabled", String(!model.get("off").length));
    bars.replaceChildren(...(groups ? groups.map((group) => groupOf(group, off.length)) : named.map((one) => unknown(one, session.phase))));
  }
  return { node: source.knocks && buttons.length ? node : null, update };
}

const headsOff = (count) => (count === 1 ? "1 head off" : `${count} heads off`);

// The classes that are likeliest before or after, with both probabilities.
function groupOf({ title, names, before, after }, off) {
  const most = (i) => Math.max(before[i], after[i]), order = before.map((_, i) => i).sort((a, b) => most(b) - most(a));
  const rows = order.slice(0, 4).map((i) => make("div", "bar-row", {},
    make("span", "class", { textContent: names[i] }),
    make("span", "track", {}, fill("before", before[i]), fill("after", after[i])),
    make("output", "chance", { textContent: `${percent(before[i])} → ${percent(after[i])}` })));
  return make("div", "group", {}, make("div", "name", { textContent: `${title}: intact (grey) → ${off ? headsOff(off) : "now"} (green)` }), ...rows);
}

const unknown = ({ title }, phase) => make("div", "group", {},
  make("div", "name", { textContent: `${title}: ${phase === "late" ? "computing …" : "not known"}` }));

function fill(name, value) {
  const node = make("span", name);
  node.style.width = `${100 * value}%`;
  return node;
}

// What the model answers, in words: of each classifier the likeliest class.
function answerOf(groups, when = "after") {
  return groups.map(({ title, names, [when]: chances }) => {
    const best = chances.reduce((top, value, i) => (value > chances[top] ? i : top), 0);
    return `${title === "class" ? "" : `${title} `}${names[best]}, ${percent(chances[best])}`;
  }).join("; ");
}
