// What the tests ask of an explorer's page, as `explorer` in it.
window.explorer = (() => {
  const root = document.querySelector(".vivit-x-root"), { session } = root, { model } = session;
  const all = (selector) => [...root.querySelectorAll(selector)];
  const rest = () => new Promise((resolve) => { setTimeout(resolve); });

  const INFERNO = [[0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51], [249, 140, 10],
    [249, 201, 50], [252, 255, 164]];
  const shade = (value) => {
    const at = Math.min(value, 1) * 8, low = Math.min(Math.floor(at), 7);
    return INFERNO[low].map((part, i) => part + (at - low) * (INFERNO[low + 1][i] - part));
  };

  /** Until what is shown answers what was asked. */
  async function settled() {
    const end = performance.now() + 15_000;
    do {
      await rest();
      if (performance.now() > end) throw new Error(`still ${session.phase}, reading: ${session.reading.busy}`);
    } while (session.phase === "waiting" || session.phase === "late" || session.reading.busy);
    return session.phase;
  }

  const words = () => root.querySelector(".vivit-x-said .vivit-x-live").textContent;

  /** What is shown, as JSON holds it. */
  function shown() {
    const { maps, ...rest } = session.shown;
    return { ...rest, maps: maps.map((map) => ({ ...map, weights: [...map.weights], seen: [...map.seen] })) };
  }

  const spelt = (number) => (number === 0 ? "0" : number >= 0.001 ? number.toFixed(4) : number.toExponential(1));
  const named = (token) => {
    const [, nh, nw] = model.get("meta").grid;
    return `time ${Math.floor(token / nh / nw)}, row ${Math.floor(token / nw) % nh}, column ${token % nw}`;
  };

  // The switches that are pressed, by the names of `off`.
  function pressed() {
    const { models } = model.get("meta");
    const keys = models.flatMap((one, n) => one.layers.filter(({ count }) => count).flatMap(({ name, count }) =>
      Array.from({ length: count }, (_, head) => `${n}|${name}|${head}`)));
    return all(".vivit-x-switch").flatMap((button, i) => (button.getAttribute("aria-pressed") === "true" ? [keys[i]] : []));
  }

  /** What on the screen is not what `session.shown` holds: nothing. The controls may be ahead while an answer is awaited. */
  function disagreements({ awaited = false } = {}) {
    const found = [], { shown: { query, panels, off, maps, groups } } = session, said = words();
    if (/: computing where it looks …$/.test(said)) return awaited ? [] : ["words: still computing"];
    const want = (what, is, should) => { if (JSON.stringify(is) !== JSON.stringify(should)) found.push(`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(should)}`); };
    if (!awaited) {
      for (const [name, value] of Object.entries({ query, panels, off })) want(name, value, model.get(name));
      want("switches", pressed().sort(), [...off].sort());
      want("layers", all(".vivit-x-panel [aria-label=layer]").map(({ value }) => value), panels.map(({ layer }) => layer));
      want("heads", all(".vivit-x-panel [aria-label=head]").map(({ value }) => value), panels.map(({ head }) => head));
    }
    want("heads off", / (\d+) heads? off, maps of the (intact )?model/.exec(said)?.[1] ?? "0", String(off.length));
    want("words name", said.split(":")[0], query < 0 ? "The class token" : `The token at ${named(query)}`);
    want("panels", all(".vivit-x-panel").length, panels.length);
    maps.forEach((map, i) => {
      const top = map.weights.reduce((best, w, n) => (map.seen[n] && w > best ? w : best), 0), panel = all(".vivit-x-panel")[i];
      want("top", map.top, top);
      const clause = said.split("; ").filter((part) => /looks most at|comes most from/.test(part))[i];
      const place = map.reach === "time" ? `time ${map.weights.indexOf(map.top) / map.weights.length * model.get("meta").grid[0]}` : named(map.weights.indexOf(map.top));
      if (!clause?.includes(`${place} (${spelt(top)})`)) found.push(`words of panel ${i}: ${clause}, not ${place} (${spelt(top)})`);
      const label = { row: spelt(top || 1), unit: "1.0000", uniform: spelt(10 / map.weights.length) }[model.get("scale")];
      want("legend", panel.querySelector(".vivit-x-legend > :last-child").textContent, label);
      found.push(...unpainted(panel, map, i));
    });
    want("bars", all(".vivit-x-group").length, groups.length);
    groups.forEach(({ before, after }, i) => {
      const likeliest = before.map((b, n) => [Math.max(b, after[n]), n]).sort((a, b) => b[0] - a[0]).slice(0, 4);
      const text = likeliest.map(([, n]) => `${(100 * before[n]).toFixed(1)} % → ${(100 * after[n]).toFixed(1)} %`);
      const group = all(".vivit-x-group")[i], title = group.querySelector(".vivit-x-name").textContent, { length } = off;
      want("bars of", title.split(" → ")[1], `${length === 0 ? "now" : length === 1 ? "1 head off" : `${length} heads off`} (green)`);
      want("chances", [...group.querySelectorAll("output")].map((one) => one.textContent), text);
      const widths = [...group.querySelectorAll(".vivit-x-after")].map((one) => parseFloat(one.style.width));
      if (widths.some((width, n) => Math.abs(width - 100 * after[likeliest[n][1]]) > 0.01)) found.push(`bars: ${widths}`);
    });
    return found;
  }

  const kept = new WeakMap(); // what is in a picture, which is slow to look at
  const seenIn = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);

  // Where the overlay's colour, at the middle of each patch of the tiles, is not that of its weight.
  function unpainted(panel, { weights, seen, top }, number) {
    if (model.get("view") !== "overlay") return [];
    const { grid: [nt, nh, nw], crop } = model.get("meta"), strength = model.get("strength"), wrong = [];
    const full = { row: top || 1, unit: 1, uniform: 10 / weights.length }[model.get("scale")], { pictures, clip } = session.film;
    panel.querySelectorAll(".vivit-x-tile canvas").forEach((tile, t) => {
      const canvas = pictures[Math.max(0, clip.times.indexOf(t))], painted = seenIn(tile);
      if (!kept.has(canvas)) kept.set(canvas, seenIn(canvas));
      const picture = kept.get(canvas);
      for (let place = 0; place < nh * nw; place++) {
        const token = t * nh * nw + place;
        if (!seen[token]) continue;
        const at = [(Math.floor(place / nw) + 0.5) / nh * crop[0], (place % nw + 0.5) / nw * crop[1]];
        const rgb = (image) => {
          const from = (Math.floor(at[0] * image.height + 0.01) * image.width + Math.floor(at[1] * image.width + 0.01)) * 4;
          return [...image.data.subarray(from, from + 3)];
        };
        const colour = shade(weights[token] / full), below = rgb(picture), is = rgb(painted);
        if (is.some((part, c) => Math.abs(part - ((1 - strength) * below[c] + strength * colour[c])) > 4)) {
          wrong.push(`panel ${number}, ${named(token)} painted ${is}`);
        }
      }
    });
    return wrong.slice(0, 3);
  }

  /** A press on the token, as a pointer makes it. */
  function press(token, { panel = 0, type = "mouse", move = true } = {}) {
    const { grid: [, nh, nw], crop } = model.get("meta"), time = Math.floor(token / nh / nw);
    const tile = all(".vivit-x-panel")[panel].querySelectorAll(".vivit-x-tile canvas")[time];
    const point = () => {
      const box = tile.getBoundingClientRect();
      return { clientX: box.left + (token % nw + 0.5) / nw * box.width * crop[1],
        clientY: box.top + (Math.floor(token / nw) % nh + 0.5) / nh * box.height * crop[0], bubbles: true, pointerType: type };
    };
    for (const kind of [...(move ? ["pointermove"] : []), "pointerdown", "pointerup", "click"]) tile.dispatchEvent(new PointerEvent(kind, point()));
  }

  function key(name, options = {}, target = root) {
    return target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...options }));
  }

  return { root, session, model, all, settled, shown, words, pressed, disagreements, press, key };
})();
