// Where one token looks, out of the weights of a forward pass: what the explorer asks for.

const CLASS_TOKEN = -1; // as a query; the others are counted along the grid, by time, then row, then column
const ROLLOUT = "rollout";
const FUSE = { __proto__: null, mean: (a, b) => a + b, max: Math.max, min: Math.min }; // of two heads' weights; a mean's sum is then shared

/** The rows of a clip's attention, with the names, reaches and orders of `vivit_edu.explain.explorer.rows.Rows`. */
class Rows {
  constructor(model, attention) {
    Object.assign(this, { model, attention, grid: model.config.grid, tokens: model.config.grid.reduce((a, b) => a * b) });
    this.first = model.config.pool === "mean" ? 0 : 1; // of a sequence's tokens, the first that is none of class
  }

  /** What a query can look at: "all" tokens, its "frame", its "place" at all times, each "time" as one; or "output". */
  reach(name) {
    const { body } = this.model.config, factorised = body === "factorised_encoder" || body === "average_pool";
    if (name === ROLLOUT) return factorised ? "output" : "all";
    return { spacetime: "all", space: "frame", time: factorised ? "time" : "place" }[name.split("/")[0]];
  }

  /**
   * The weight on the class token (0 where there is none), then on each token within the query's reach.
   *
   * The class token of Model 2's spatial encoder is there once in each frame: its row is those of all frames, one after
   * the other, and the weight on itself their mean. `head` is a number, or "mean", "max" or "min" of all.
   */
  row(name, query, head = "mean") {
    this.check(name, query, String(head));
    if (name === ROLLOUT) return this.rolled(query, head);
    const [, nh, nw] = this.grid, time = Math.floor(query / (nh * nw)), place = query - time * nh * nw, reach = this.reach(name);
    const weights = this.attention.get(name), { groups } = weights.lanes, own = [], others = [];
    const index = { all: query, frame: place, place: time, time }[reach] + this.first; // of the query among those it sees
    const chosen = reach === "place" ? [place] : reach !== "frame" ? [0] : query === CLASS_TOKEN ? [...Array(groups).keys()] : [time];
    for (const group of chosen) {
      const row = fusedRow(weights, group, query === CLASS_TOKEN ? 0 : index, head);
      if (this.first) own.push(row[0]);
      for (const weight of row.subarray(this.first)) others.push(weight);
    }
    return Float32Array.from([own.length ? own.reduce((a, b) => a + b) / own.length : 0, ...others]);
  }

  /** A row of the rollout: what stays with class tokens, then each token's share. */
  rolled(query, how) {
    const whole = this.reach(ROLLOUT) === "output" || query === CLASS_TOKEN;
    const start = whole ? null : query + (this.model.config.body === "spacetime" ? this.first : 0);
    const shares = rollout(this.model, this.attention, { fuse: how, query: start });
    return Float32Array.from([1 - shares.reduce((a, b) => a + b, 0), ...shares]);
  }

  check(name, query, head) {
    const weights = this.attention.get(name);
    if (!weights && name !== ROLLOUT) throw new Error(`no attention is named ${name}; this model has ${[...this.attention.keys()].join(", ")}`);
    const count = weights ? weights.shape.at(-3) : 0, known = head in FUSE || (/^\d+$/.test(head) && Number(head) < count);
    if (!known) throw new Error(`${name} has no head ${head}, only ${[...Array(count).keys(), ...Object.keys(FUSE)].join(", ")}`);
    const least = this.first || name === ROLLOUT ? CLASS_TOKEN : 0;
    if (!(Number.isInteger(query) && query >= least && query < this.tokens)) {
      throw new Error(`queries run from ${least} to ${this.tokens - 1}; got ${query}`);
    }
  }
}

/** One query's weights in one head, or all heads' fused into one. */
function fusedRow({ shape, data }, group, query, head) {
  const [A, q, k] = shape.slice(-3), rows = Array.from({ length: A }, (_, a) => ((group * A + a) * q + query) * k);
  return head in FUSE ? fuse(data, rows, k, head) : data.subarray(rows[head], rows[head] + k);
}

/** Stretches of `size` numbers from each of these places on, as one: their mean, maximum or minimum. */
function fuse(data, places, size, how) {
  const join = FUSE[how], share = how === "mean" ? 1 / places.length : 1, out = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let value = data[places[0] + i];
    for (let p = 1; p < places.length; p++) value = join(value, data[places[p] + i]);
    out[i] = value * share;
  }
  return out;
}
