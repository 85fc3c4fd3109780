// Models and clips that stay, and answers about them. The newest question of an asker wins: one that has come while
// others were computed takes the place of that asker's older ones, which are told that they are stale.

const PATIENCE = 50; // milliseconds that a long answer may take before others are heard

/**
 * A function that takes messages, and tells `post` about each under its `id`: what was asked for, or an `error`.
 *
 * - { model: key, config, weights }: a model to keep; one that is here already is left as it is.
 * - { clip: key, video }: a clip to keep, in place of one of the same key; without a video, it is given up.
 * - { from, parts }: a question; `from` says whose. For each part { model, clip, off, rows, map } there is `chances`, a Map
 *   of probabilities by head; `rows`, one for each { layer, head, query }; `map`, what the output reads in the last layer,
 *   where `map` is true. All of the model with the heads `off` switched off; two parts show it beside the intact one.
 * - { from, hide: { model, clip, off, head, target } }: `map`, the fall of a class's log-probability with each token hidden.
 */
function answering(post) {
  const models = new Map(), clips = new Map(), waiting = new Map(), hiding = new Map();
  let busy = false;

  async function tell(id, work) {
    try { post({ id, ...(await work()) }); } catch (error) { post({ id, error: error.message }); }
  }

  async function load({ model: key, config, weights }) {
    const loading = async () => ({ model: new ViViT(config, readSafetensors(weights), await machine()), last: {} });
    if (!models.has(key)) models.set(key, loading());
    try { return { machine: (await models.get(key)).model.machine.name }; } catch (error) { models.delete(key); throw error; }
  }

  function ask(question) {
    if (waiting.has(question.from)) post({ id: waiting.get(question.from).id, stale: true });
    waiting.delete(question.from); // to the end of the line
    waiting.set(question.from, question);
    if (!busy) turn();
  }

  // After what has been sent meanwhile has come in, which a timer lets happen.
  function turn() {
    busy = true;
    setTimeout(async () => {
      const [question] = waiting.values(), parts = [];
      waiting.delete(question.from);
      await tell(question.id, async () => {
        for (const part of question.parts) parts.push(await answer(part));
        return { parts };
      });
      busy = false;
      if (waiting.size) turn();
    });
  }

  async function answer({ model, clip, off = [], rows = [], map = false }) {
    const { kept, video } = await known(model, clip), { logits, attention } = forward(kept, video, off);
    const all = new Rows(kept.model, attention);
    return {
      chances: new Map([...logits].map(([head, values]) => [head, softmax(values)])),
      rows: rows.map(({ layer, query, head }) => all.row(layer, query, head)),
      map: map ? Float32Array.from(lastLayer(kept.model, attention)) : null,
    };
  }

  async function known(model, clip) {
    if (!models.has(model)) throw new Error(`no model ${model} has been loaded`);
    if (!clips.has(clip)) throw new Error(`no clip ${clip} is here`);
    return { kept: await models.get(model), video: clips.get(clip) };
  }

  // The last forward pass of each model, since many a question is about it again.
  function forward(kept, video, off) {
    const { last } = kept, same = last.video === video && String(last.off) === String(off);
    if (!same) kept.last = { video, off, made: kept.model.forward(video, { off }) };
    return kept.last.made;
  }

  async function hide({ id, from, hide: { model, clip, ...what } }) {
    hiding.set(from, id);
    const { kept, video } = await known(model, clip), steps = occlusion(kept.model, video, what);
    for (let since = performance.now(); ;) {
      kept.last = {}; // its arrays are about to be written over
      const { value, done } = steps.next();
      if (done) return { map: value };
      if (performance.now() - since < PATIENCE) continue;
      await new Promise((resolve) => { setTimeout(resolve); });
      if (hiding.get(from) !== id) return { stale: true };
      since = performance.now();
    }
  }

  return (message) => {
    if (message.parts) return ask(message);
    if (message.hide) return tell(message.id, () => hide(message));
    if (message.model) return tell(message.id, () => load(message));
    if (message.video) clips.set(message.clip, normalise(message.video));
    else clips.delete(message.clip);
    return post({ id: message.id });
  };
}

return { answering, readSafetensors, plain, wasm, machine, ViViT, Rows, rollout, lastLayer, occlusion, softmax };
