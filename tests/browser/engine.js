// What the tests of the engine call in a page that holds it: see test_engine.py.

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const floats = (text) => new Float32Array(bytes(text).buffer);
const parts = vivitEngine();

async function made({ config, weights }, machine) {
  const run = machine === "wasm" ? await parts.wasm() : parts[machine];
  return new parts.ViViT(config, parts.readSafetensors(bytes(weights)), run);
}

function furthest(got, want) {
  let worst = got.length === want.length ? 0 : Infinity;
  for (let i = 0; i < want.length; i++) if (!(Math.abs(got[i] - want[i]) <= worst)) worst = Math.abs(got[i] - want[i]);
  return worst;
}
function same(got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(`${got}, not ${want}`);
}

// The largest differences of a model from the library, over clips with heads off.
async function compare(packed, machine, cases) {
  const model = await made(packed, machine), worst = { logits: 0, attention: 0, rows: 0 };
  const see = (kind, got, want) => { worst[kind] = Math.max(worst[kind], furthest(got, floats(want))); };
  for (const { clip, off, logits, attention, rows } of cases) {
    const seen = model.forward(floats(clip), { off });
    same([...seen.logits.keys()], logits.map(([head]) => head));
    for (const [head, values] of logits) see("logits", seen.logits.get(head), values);
    same([...seen.attention.keys()], attention.map(([name]) => name));
    for (const [name, shape, values] of attention) {
      const got = seen.attention.get(name);
      same([name, ...got.shape], [name, ...shape]);
      see("attention", got.data, values);
    }
    const all = new parts.Rows(model, seen.attention);
    for (const [layer, query, head, values] of rows) see("rows", all.row(layer, query, head), values);
  }
  return worst;
}

// What a model answers through the page's engine: intact, and with heads off.
async function answers([packed, clip, off, rows]) {
  const engine = engineOfPage(), about = { model: "toy", clip: "clip" };
  const machine = await engine.load("toy", { ...packed, weights: bytes(packed.weights) });
  await engine.show("clip", floats(clip));
  const { parts: [intact, now] } = await engine.ask("test", [about, { ...about, off, rows }]);
  const listed = ({ chances, rows }) => ({ chances: [...chances].map(([head, v]) => [head, [...v]]), rows: rows.map((row) => [...row]) });
  return { machine, where: engine.where, intact: listed(intact), now: listed(now) };
}

// Nine questions of one asker at once, about two clips in turn, and one of another asker; then questions without answers.
async function questions([packed, clips]) {
  const engine = engineOfPage(), row = { layer: "rollout", query: 1, head: "max" };
  const ask = (from, part) => engine.ask(from, [{ model: "m", clip: "0", rows: [row], ...part }]);
  const wrong = (part) => ask("wrong", part).then(() => "no error", (error) => error.message);
  const early = await wrong({});
  engine.load("m", { ...packed, weights: bytes(packed.weights) });
  clips.forEach((clip, i) => engine.show(String(i), floats(clip)));
  const asked = Array.from({ length: 9 }, (_, i) => ask("one", { clip: String(i % 2) })), order = [];
  const other = ask("other", { clip: "1" }), third = ask("third");
  for (const [from, answer] of Object.entries({ one: asked[8], other, third })) answer.then(() => order.push(from));
  const rowsOf = (answer) => answer && [...answer.parts[0].rows[0]];
  const one = (await Promise.all(asked)).map(rowsOf), before = rowsOf(await third);
  const hidden = await engine.hide("one", { model: "m", clip: "0", head: "class", target: 3 });
  same(rowsOf(await ask("third")), before); // not what the clip with its last token hidden has left there
  const errors = [early];
  for (const part of [{ clip: "9" }, { off: ["spacetime/0|7"] }, { rows: [{ ...row, layer: "time/0" }] },
    { rows: [{ ...row, query: 99 }] }, { rows: [{ ...row, head: "0" }] }, { rows: [{ ...row, head: "toString" }] }]) errors.push(await wrong(part));
  return { engines: engine === engineOfPage(), one, other: rowsOf(await other), hidden: hidden.map.length, order, errors };
}

// The maps that need no gradient: of the last layer, a rollout with its options, an occlusion, with a tap that halves.
async function maps([packed, clip, options, target]) {
  const model = await made(packed, "wasm"), video = floats(clip);
  const halved = model.forward(video, { tap: (name, weights) => ({ ...weights, data: weights.data.map((w) => w / 2) }) });
  const logits = [...halved.logits.get("noun")], { attention } = model.forward(video);
  const found = [parts.lastLayer(model, attention), parts.rollout(model, attention, options)];
  const steps = parts.occlusion(model, video, { head: "noun", target });
  let step = steps.next();
  while (!step.done) step = steps.next();
  return [...found, step.value].map((map) => [...map]).concat([logits]);
}
