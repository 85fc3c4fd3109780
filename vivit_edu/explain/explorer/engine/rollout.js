// What the output reads, followed down through all layers: attention rollout (Abnar and Zuidema 2020), and the maps that
// are made as it is. Only one row of the product of all layers is computed, from the top down, as the library does.

/**
 * From which patches the model's output is mixed, nt nh nw shares by time, row and column, which sum to 1 less what stays
 * with class tokens; `query` starts at one token of Model 1, 3 or 4 in place of the output.
 */
function rollout(model, attention, { residual = 0.5, fuse: how = "mean", query = null } = {}) {
  return compose(model, [...attention.values()], (weights) => scaled(fused(weights, how)), { gather: 1 - residual, keep: residual, query });
}

/** What the output reads in the last layer of each encoder, heads' mean; Model 2's two encoders multiplied. */
function lastLayer(model, attention) {
  const last = new Map([...attention.values()].map(({ over, layer }) => [over, layer]));
  const chosen = [...attention.values()].filter(({ over, layer }) => last.get(over) === layer);
  return compose(model, chosen, (weights) => fused(weights, "mean"), { gather: 1, keep: 0 });
}

/** u <- gather u A + keep u, with A = mix(weights), from what the output reads down through every layer given. */
function compose(model, all, mix, { gather, keep, query = null }) {
  const through = (encoder) => {
    let u = startOf(model, encoder, query);
    for (const layer of sharing(all.filter(({ path }) => path.startsWith(encoder.path))).reverse()) {
      const read = u.map((share) => keep * share);
      for (const weights of layer) { // Model 4: the mean of both halves, with one residual
        spread(u, mix(weights), weights.lanes).forEach((share, i) => { read[i] += (gather * share) / layer.length; });
      }
      u = read;
    }
    return withoutClassToken(model, encoder, u);
  };
  const [first, second] = model.encoders.map(through);
  if (model.config.body === "factorised_encoder" || model.config.body === "average_pool") {
    const [nt] = model.config.grid, S = first.length / nt;
    return first.map((share, i) => share * (second ? second[Math.floor(i / S)] : 1 / nt));
  }
  return first;
}

/** The weights that share a residual connection: those that one attention of a layer made. */
function sharing(all) {
  return [...new Set(all.map(({ path }) => path))].map((path) => all.filter((weights) => weights.path === path));
}

/** What the output reads of an encoder's tokens: of each sequence its class token, or all tokens alike; or one query. */
function startOf(model, { rows, length }, query) {
  const hasToken = model.config.pool !== "mean", N = length + (hasToken ? 1 : 0), u = new Float64Array(rows * N);
  if (query !== null) u[query] = 1;
  else if (onTwoAxes(model.config)) u.fill(1 / u.length);
  else if (!hasToken) u.fill(1 / N);
  else for (let row = 0; row < rows; row++) u[row * N] = 1;
  return u;
}

function withoutClassToken(model, { rows, length }, u) {
  return model.config.pool === "mean" ? u : u.filter((_, i) => i % (u.length / rows) >= u.length / rows - length);
}

/** u A, for the tokens of every group: what each key gets of the queries that read it. */
function spread(u, a, { groups, length, step, stride }) {
  const out = new Float64Array(u.length);
  for (let group = 0; group < groups; group++) for (let q = 0; q < length; q++) {
    const share = u[group * step + q * stride], row = (group * length + q) * length;
    if (share) for (let k = 0; k < length; k++) out[group * step + k * stride] += share * a.data[row + k];
  }
  return out;
}

/** All heads as one matrix for each group, (groups, q, k). */
function fused({ shape, data, lanes: { groups } }, how) {
  if (!(how in FUSE)) throw new Error(`fuse must be one of ${Object.keys(FUSE).join(", ")}; got ${how}`);
  const [A, q, k] = shape.slice(-3), out = new Float64Array(groups * q * k);
  for (let group = 0; group < groups; group++) {
    out.set(fuse(data, Array.from({ length: A }, (_, a) => (group * A + a) * q * k), q * k, how), group * q * k);
  }
  return { data: out, length: k };
}

/** Rows scaled to sum to 1, which the largest or smallest of several heads do not. */
function scaled({ data, length }) {
  for (let at = 0; at < data.length; at += length) {
    let sum = 0;
    for (let i = at; i < at + length; i++) sum += data[i];
    for (let i = at; i < at + length; i++) data[i] /= sum;
  }
  return { data, length };
}
