// ViT and ViViT in a web page: the library's forward pass under the library's names, one clip at a time.
//
// An array is a Float32Array, row after row; a row is one token of width D. Tokens that the library keeps as
// (B, nt, S, D) lie by time, then place. Everything is computed in float32, models in bfloat16 too: of those, answers
// are the more exact ones of the same parameters, and may differ from the library's in the third digit.

/**
 * The encoders that tokens pass through, one after the other.
 *
 * Of each: where its parameters are; tokens as `rows` sequences of `length`; `depth`; what its layers attend over, in
 * their order: the attention's name, and its heads' `looks`. `alone` says that there is but one sequence, which the
 * shapes of its attention then do not count.
 */
function encodersOf({ body, depth, temporal_depth, heads, order, grid: [nt, nh, nw] }) {
  const S = nh * nw, all = [0, heads], [first, second] = order.split("_");
  const look = (over, [from, to]) => ({ over, from, to, across: false });
  const onGrid = (over, part) => ({ ...look(over, part), across: over === "time" }); // the same place at all times
  const encoder = (path, rows, length, layers, steps, alone) => ({ path, rows, length, depth: layers, steps, alone });
  const plainly = (over) => [["attention", [look(over, all)]]];
  if (body === "spacetime") return [encoder("body/encoder", 1, nt * S, depth, plainly("spacetime"), true)];
  if (body === "factorised_self_attention") {
    return [encoder("body/encoder", nt, S, depth, [first, second].map((over) => [over, [onGrid(over, all)]]))];
  }
  if (body === "factorised_dot_product") {
    const halves = [onGrid(first, [0, heads / 2]), onGrid(second, [heads / 2, heads])];
    return [encoder("body/encoder", nt, S, depth, [["attention", halves]])];
  }
  const space = encoder("body/space", nt, S, depth, plainly("space"));
  if (body === "average_pool" || !temporal_depth) return [space];
  return [space, encoder("body/time", 1, nt, temporal_depth, plainly("time"), true)];
}

/** Whether space and time are two axes of one encoder (Models 3 and 4), whose output is the mean over both. */
const onTwoAxes = ({ body }) => body === "factorised_self_attention" || body === "factorised_dot_product";

/** A tap that multiplies the weights of these heads, "space/2|1", by 0, as the library's knock-out does. */
function knockOut(off) {
  return (name, weights) => {
    const heads = off.filter((key) => key.split("|")[0] === name).map((key) => Number(key.split("|")[1]));
    if (!heads.length) return weights;
    const data = weights.data.slice(), [A, q, k] = weights.shape.slice(-3);
    for (let at = 0; at < data.length; at += A * q * k) {
      for (const head of heads) data.fill(0, at + head * q * k, at + (head + 1) * q * k);
    }
    return { ...weights, data };
  };
}

/** A model; `config` and the arrays are those that `packed` gives. */
class ViViT {
  constructor(config, arrays, machine = plain) {
    this.config = config;
    this.machine = machine;
    this.encoders = encodersOf(config);
    this.parameters = machine.load(arrays);
  }

  /** How many heads each attention has, by its name, in the order in which they run. */
  get headCounts() {
    const counts = new Map();
    for (const { depth, steps } of this.encoders) for (let layer = 0; layer < depth; layer++) {
      for (const { over, from, to } of steps.flatMap(([, looks]) => looks)) counts.set(`${over}/${layer}`, to - from);
    }
    return counts;
  }

  /**
   * Of a clip (T, H, W, C), bytes or floats in [-1, 1]: `logits`, a Map by head ("class" where there is one), and
   * `attention`, a Map of every attention's weights by name, { shape, data }, in the library's shapes less the batch.
   *
   * `tap(name, weights)` is called for every attention; what it returns is used in their place, while `attention` keeps
   * what it was given. `off` are heads that are switched off. Arrays hold until the next forward pass.
   */
  forward(video, { tap = (name, weights) => weights, off = [] } = {}) {
    this.check(video, off);
    const knocked = off.length ? knockOut(off) : (name, weights) => weights;
    const seen = { attention: new Map(), tap: (name, weights) => knocked(name, tap(name, weights)) };
    for (;;) {
      this.machine.release();
      try {
        return { logits: this.heads(this.body(this.tokenise(normalise(video)), seen)), attention: seen.attention };
      } catch (error) {
        if (!(error instanceof NoRoom)) throw error;
        this.machine.enlarge(); // once or twice in a model's life: then from the start again
      }
    }
  }

  check(video, off) {
    const { frames, size: [H, W], channels, name } = this.config, counts = this.headCounts;
    if (video.length !== frames * H * W * channels) {
      throw new Error(`${name} takes a clip of ${[frames, H, W, channels].join(" x ")} numbers; got ${video.length}`);
    }
    for (const key of off) {
      const [layer, head] = key.split("|");
      if (!/^\d+$/.test(head) || !(Number(head) < counts.get(layer))) {
        throw new Error(`there is no head ${key}; this model has ${[...counts.keys()].join(", ")}`);
      }
    }
  }

  /** One row for each tubelet, by time, then height, then width; of the frames that make each time index. */
  tokenise(video) {
    const { grid: [nt, nh, nw], tubelet: [, h, w], size: [H, W], channels: C, owned_frames } = this.config;
    const tubelets = this.machine.array(nt * nh * nw * owned_frames[0].length * h * w * C);
    let at = 0;
    for (const frames of owned_frames) for (let row = 0; row < nh; row++) for (let column = 0; column < nw; column++) {
      for (const frame of frames) for (let y = 0; y < h; y++) {
        const from = ((frame * H + row * h + y) * W + column * w) * C;
        for (let i = 0; i < w * C; i++) tubelets[at++] = video[from + i];
      }
    }
    return this.linear("tokenise", tubelets);
  }

  /** One vector for the clip. */
  body(z, seen) {
    for (const encoder of this.encoders) z = this.pool(encoder, this.encode(encoder, z, seen));
    const D = this.config.width * (this.config.pool === "class_token_and_mean" ? 2 : 1);
    return z.length > D ? this.mean(z, 0, z.length / D) : z; // of the average pool: over time
  }

  /** Class token, positions, the layers, a final norm. */
  encode({ path, rows, length, depth, steps, alone }, tokens, seen) {
    const D = this.config.width, token = this.config.pool === "mean" ? null : this.parameter(`${path}/class_token/token`);
    const N = length + (token ? 1 : 0), positions = this.parameter(`${path}/positions`);
    let z = this.machine.array(rows * N * D);
    for (let row = 0; row < rows; row++) {
      if (token) z.set(token, row * N * D);
      z.set(tokens.subarray(row * length * D, (row + 1) * length * D), (row * N + N - length) * D);
    }
    for (let i = 0; i < z.length; i++) z[i] += positions[i % positions.length]; // shared by all rows, or one for each token
    for (let layer = 0; layer < depth; layer++) {
      const block = `${path}/blocks/layers/${layer}`;
      for (const [name, looks] of steps) {
        const place = { path: `${block}/${name}`, layer, rows, N, alone };
        z = this.add(z, this.selfAttention(place, looks, this.norm(`${block}/${name}_norm`, z), seen)); // Eqs. 2, 4, 5
      }
      z = this.add(z, this.mlp(`${block}/mlp`, this.norm(`${block}/mlp_norm`, z))); // Eqs. 3, 6
    }
    return this.norm(`${path}/norm`, z);
  }

  /** What an encoder hands on: of each row its class token, its tokens' mean or both; of two axes, one mean. */
  pool({ rows }, z) {
    const { width: D, pool } = this.config, N = z.length / D / rows;
    if (onTwoAxes(this.config)) return this.mean(z, 0, rows * N);
    const out = this.machine.array(rows * D * (pool === "class_token_and_mean" ? 2 : 1));
    for (let row = 0; row < rows; row++) {
      if (pool === "mean") out.set(this.mean(z, row * N, N), row * D);
      else out.set(z.subarray(row * N * D, (row * N + 1) * D), row * D);
    }
    if (pool === "class_token_and_mean") out.set(this.mean(z, 1, N - 1), D);
    return out;
  }

  /** Mean of `count` rows of z. */
  mean(z, first, count) {
    const D = this.config.width, out = this.machine.array(D);
    for (let i = first * D; i < (first + count) * D; i++) out[i % D] += z[i] / count;
    return out;
  }

  /** Softmax(q k^T / sqrt(Dh)) v for each head, each among the tokens that it looks over (Eq. 7). */
  selfAttention({ path, layer, rows, N, alone }, looks, z, seen) {
    const { width: D, heads } = this.config, Dh = D / heads, { machine } = this, y = machine.array(z.length);
    const [q, k, v] = ["query", "key", "value"].map((name) => this.linear(`${path}/${name}`, z));
    for (const { over, from, to, across } of looks) {
      // A group is the tokens that see each other: `length` of them, `stride` rows apart, the next group `step` on.
      const lanes = across ? { groups: N, length: rows, step: 1, stride: N } : { groups: rows, length: N, step: N, stride: 1 };
      const { groups, length, step, stride } = lanes, A = to - from, row = stride * D, name = `${over}/${layer}`;
      const data = machine.array(groups * A * length * length), keys = machine.array(Dh * length);
      const each = (maps, work) => {
        for (let group = 0; group < groups; group++) for (let head = 0; head < A; head++) {
          const map = (group * A + head) * length ** 2;
          work(group * step * D + (from + head) * Dh, maps.subarray(map, map + length ** 2));
        }
      };
      each(data, (start, map) => {
        for (let n = 0; n < length; n++) for (let d = 0; d < Dh; d++) keys[d * length + n] = k[start + n * row + d] / Math.sqrt(Dh);
        machine.matmul(map, length, q.subarray(start), row, keys, length, null, length, Dh, length);
      });
      machine.softmax(data, length);
      const weights = { shape: [...(alone ? [] : [groups]), A, length, length], data, path, over, layer, lanes };
      seen.attention.set(name, weights);
      let used = seen.tap(name, weights).data;
      if (used.buffer !== data.buffer) used = this.taken(used); // a tap's own array: the machine knows only its own
      each(used, (start, map) => machine.matmul(y.subarray(start), row, map, length, v.subarray(start), row, null, length, length, Dh));
    }
    return this.linear(`${path}/out`, y);
  }

  mlp(path, z) {
    const hidden = this.linear(`${path}/first`, z);
    this.machine.gelu(hidden, this.config.gelu);
    return this.linear(`${path}/second`, hidden);
  }

  norm(path, z) {
    const out = this.machine.array(z.length);
    this.machine.layerNorm(out, z, this.parameter(`${path}/scale`), this.parameter(`${path}/bias`), this.config.epsilon);
    return out;
  }

  /** x kernel + bias for each row of x; kernels are stored (inputs, outputs), with heads as columns or rows. */
  linear(path, x) {
    const kernel = this.parameter(`${path}/kernel`), bias = this.parameter(`${path}/bias`);
    const m = bias.length, k = kernel.length / m, n = x.length / k, out = this.machine.array(n * m);
    this.machine.matmul(out, m, x, k, kernel, m, bias, n, k, m);
    return out;
  }

  add(z, y) {
    for (let i = 0; i < y.length; i++) y[i] += z[i];
    return y;
  }

  /** Logits by head: the columns of one linear map, in the configuration's order; arrays of their own. */
  heads(h) {
    if (this.config.pre_logits) h = this.linear("heads/pre_logits", h).map(Math.tanh);
    const all = this.linear("heads/output", this.taken(h)), logits = new Map();
    let at = 0;
    for (const [name, count] of this.config.classes) logits.set(name, all.slice(at, (at += count)));
    return logits;
  }

  taken(array) {
    const own = this.machine.array(array.length);
    own.set(array);
    return own;
  }

  parameter(name) {
    if (!(name in this.parameters)) throw new Error(`the weights of ${this.config.name} hold no ${name}`);
    return this.parameters[name];
  }
}

/** Pixels 0..255 as float32 in [-1, 1], rounded as the library's `normalise`; floats as they are. */
function normalise(video) {
  return video instanceof Float32Array ? video : Float32Array.from(video, (x) => Math.fround(x / 127.5) - 1);
}
