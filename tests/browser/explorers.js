// What a test asks of the explorers of a page: what their sessions hold, and whether everything on screen is of one answer.
globalThis.explorers = (() => {
  // marimo has widgets in shadows
  const within = (node) => [...node.querySelectorAll("*")].flatMap((one) => [
    ...(one.matches(".vivit-x-root") ? [one] : []), ...(one.shadowRoot ? within(one.shadowRoot) : [])]);
  const rootOf = (number) => document.querySelectorAll(".vivit-x-root")[number] ?? within(document)[number];
  const words = (root) => root.querySelector(".vivit-x-said .vivit-x-live").textContent;
  const bars = (root) => [...root.querySelectorAll(".vivit-x-bar-row")].map((row) => [...row.children].map((part) => part.textContent).join(" "));
  const pressed = (root) => [...root.querySelectorAll(".vivit-x-switch")].map((button) => button.getAttribute("aria-pressed") === "true");
  const keys = (session) => session.model.get("meta").models.flatMap(({ layers }, number) => layers.flatMap(({ name, count }) =>
    Array.from({ length: count }, (_, head) => `${number}|${name}|${head}`)));
  const over = (session) => ["here", "silent", "failed"].includes(session.phase);

  function state(number) {
    const root = rootOf(number), { session } = root;
    return { phase: session.phase, words: words(root), bars: bars(root), pressed: pressed(root), notice: session.notice,
      gone: session.kernel.isGone, busy: root.querySelector(".vivit-x-panel").getAttribute("aria-busy") };
  }

  async function settled(number, patience = 30000) {
    const { session } = rootOf(number);
    await new Promise((resolve) => { setTimeout(resolve); }); // what was asked a moment ago has been taken up
    for (const end = performance.now() + patience; !over(session);) {
      if (performance.now() > end) throw new Error(`still ${session.phase}`);
      await new Promise((resolve) => { setTimeout(resolve, 4); });
    }
  }

  /** What of the screen is not of the answer that the session shows, in words. */
  function disagreements(number) {
    const root = rootOf(number), { session } = root, { shown, phase, model } = session, found = [];
    const claim = (right, what) => { if (!right) found.push(what); };
    if (phase !== "here") {
      claim(phase === "silent" && / gone/.test(words(root)) && !bars(root).length, `${phase}: ${words(root)} ${bars(root)}`);
      return found;
    }
    const { grid: [nt, nh, nw] } = model.get("meta"), places = nh * nw, said = words(root);
    const named = (token) => `time ${Math.floor(token / places)}, row ${Math.floor(token / nw) % nh}, column ${token % nw}`;
    for (const name of ["query", "panels", "off"]) claim(JSON.stringify(shown[name]) === JSON.stringify(model.get(name)), `shown ${name}`);
    claim(said.startsWith(shown.query < 0 ? "The class token" : `The token at ${named(shown.query)}:`), `${said} of ${shown.query}`);
    claim(said.includes(`${shown.off.length} head`) === shown.off.length > 0, `${said} with ${shown.off}`);
    for (const map of shown.maps) {
      const most = Math.max(...map.weights), text = most === 0 ? "0" : most >= 0.001 ? most.toFixed(4) : most.toExponential(1);
      claim(said.includes(`(${text})`), `${said} without ${text}`);
    }
    claim(String(pressed(root)) === String(keys(session).map((key) => shown.off.includes(key))), `pressed ${pressed(root)} of ${shown.off}`);
    const percent = (value) => `${(100 * value).toFixed(1)} %`, lines = bars(root);
    for (const { names, before, after } of shown.groups) {
      const best = after.indexOf(Math.max(...after));
      claim(lines.some((line) => line.startsWith(names[best]) && line.endsWith(`${percent(before[best])} → ${percent(after[best])}`)), `${lines} without ${names[best]}`);
    }
    shown.maps.forEach((map, panel) => claim(painted(root, panel, map), `panel ${panel} paints something else`));
    claim(root.querySelectorAll(".vivit-x-panel").length === shown.panels.length, "panels");
    [...root.querySelectorAll(".vivit-x-panel")].forEach((node, i) => {
      const [layer, head] = [...node.querySelectorAll("select")].slice(-2).map(({ value }) => value);
      claim(layer === shown.panels[i].layer && head === shown.panels[i].head, `panel ${i} says ${layer} ${head}`);
    });
    return found;
  }

  // Whether the middle of the token with most weight has the frame's colour under that of the scale's top, or of the weight.
  function painted(root, panel, map) {
    const { session } = root, { model, film } = session, { grid: [, nh, nw], crop } = model.get("meta"), { clip } = film;
    const reading = root.querySelector('[aria-pressed="true"].vivit-x-button');
    if (model.get("view") !== "overlay" || clip.width > 96 || reading) return true;
    const time = Math.floor(map.most / (nh * nw)), row = Math.floor(map.most / nw) % nh, column = map.most % nw;
    const canvas = root.querySelectorAll(".vivit-x-panel")[panel].querySelectorAll(".vivit-x-tile canvas")[time];
    const at = [(column + 0.5) * canvas.width * crop[1] / nw, (row + 0.5) * canvas.height * crop[0] / nh].map(Math.floor);
    const seen = canvas.getContext("2d").getImageData(...at, 1, 1).data, frame = clip.times.indexOf(time);
    const [x, y] = [Math.floor(at[0] * clip.width / canvas.width), Math.floor(at[1] * clip.height / canvas.height)];
    const pixel = film.pictures[frame].getContext("2d").getImageData(x, y, 1, 1).data, strength = model.get("strength");
    const top = { row: map.top || 1, unit: 1, uniform: 10 / map.weights.length }[model.get("scale")];
    const steps = [[0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164]];
    const value = 8 * Math.min(map.weights[map.most] / top, 1), low = Math.min(Math.floor(value), 7);
    return [0, 1, 2].every((c) => {
      const over = steps[low][c] + (value - low) * (steps[low + 1][c] - steps[low][c]);
      return Math.abs(seen[c] - ((1 - strength) * pixel[c] + strength * over)) <= 4;
    });
  }

  /** For each head alone, what the bars say when it is off. */
  async function knocked(number) {
    const root = rootOf(number), { session } = root, said = {};
    const buttons = [...root.querySelectorAll(".vivit-x-switch")];
    session.set({ off: [] });
    await settled(number);
    for (const [i, key] of keys(session).entries()) {
      buttons[i].click();
      await settled(number);
      said[key] = bars(root).concat(disagreements(number));
      buttons[i].click();
      await settled(number);
    }
    return said;
  }

  /** For each layer and head, the row that is drawn: weights, and what the class token gets. */
  async function maps(number) {
    const root = rootOf(number), { session } = root, said = {};
    const choose = async (at, value) => {
      const select = [...root.querySelectorAll(".vivit-x-fields select")].slice(-2)[at];
      select.value = value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
      await settled(number);
    };
    for (const { name, heads } of session.model.get("meta").models[0].layers) {
      await choose(0, name);
      for (const head of heads) {
        await choose(1, head);
        const [map] = session.shown.maps, [panel] = session.shown.panels;
        said[`${panel.layer}|${panel.head}`] = [map.classWeight, ...map.weights].concat(disagreements(number));
      }
    }
    return said;
  }

  // What a reader may do without a pointer or a keyboard of the test's own; chosen by a number from 0 to 1.
  const acts = {
    select(root, random, pick) {
      const select = pick("select"), options = [...select.options];
      select.value = options[Math.floor(random * 977) % options.length].value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    },
    slide(root, random, pick) {
      const slider = pick('input[type="range"]');
      slider.value = Number(slider.min) + random * (slider.max - slider.min);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    },
    press(root, random, pick) { pick(".vivit-x-button:not([hidden])").click(); },
    switch(root, random, pick) { pick(".vivit-x-switch").click(); },
    tap(root, random, pick) {
      const picture = pick(".vivit-x-frame"), { left, top, width, height } = picture.getBoundingClientRect();
      const at = { clientX: left + (random * 31 % 1) * width, clientY: top + (random * 17 % 1) * height, bubbles: true, pointerType: "touch" };
      picture.dispatchEvent(new PointerEvent("pointerdown", at));
      picture.dispatchEvent(new PointerEvent("click", at));
    },
    key(root, random) {
      const keys = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", " ", ..."lhvsrcLHVS,.[]?"], key = keys[Math.floor(random * keys.length)];
      root.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey: /[A-Z]/.test(key), bubbles: true, cancelable: true }));
    },
  };

  /** Does one thing after the other; of the first after which the screen is not of one answer, its number and why. */
  async function act(steps) {
    for (const [step, number, kind, random] of steps) {
      const root = rootOf(number);
      acts[kind]?.(root, random, (nodes) => { const all = root.querySelectorAll(nodes); return all[Math.floor(random * all.length)]; });
      await settled(number);
      const found = disagreements(number);
      if (found.length) return [step, kind, ...found];
    }
    return [];
  }

  /** Where on the screen a place of a picture is, chosen by numbers. */
  function target(number, random, x, y) {
    const frames = rootOf(number).querySelectorAll(".vivit-x-frame"), box = frames[Math.floor(random * frames.length)].getBoundingClientRect();
    return [box.left + x * box.width, box.top + y * box.height];
  }

  return { act, target, rootOf, state, settled, disagreements, knocked, maps };
})();
