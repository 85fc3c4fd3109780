// The five functions that a forward pass is made of, in plain loops, and memory for what they make. wasm.js has the
// same functions on vectors of four numbers; the model does not know which of the two it has been given.

/**
 * Matrices are rows of numbers, given from their first element on with the distance between rows: one head is then a
 * matrix too (a block of columns), and so are the tokens of one place at all times (every S-th row).
 */
const plain = {
  name: "plain",

  /** The parameters by name, where the machine can work with them; they hold for good. */
  load: (arrays) => Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data])),
  /** Zeros, which hold until `release`. */
  array: (size) => new Float32Array(size),
  /** All that `array` gave may be written over. */
  release() {},

  /** out (n x m) = x (n x k) w (k x m) + bias, by tiles of 2 x 4 sums, which stay in registers. */
  matmul(out, outRow, x, xRow, w, wRow, bias, n, k, m) {
    const n2 = n - (n % 2), m4 = m - (m % 4);
    for (let i = 0; i < n2; i += 2) for (let j = 0; j < m4; j += 4) {
      const a = i * xRow, b = a + xRow, o = i * outRow + j;
      let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      for (let p = 0, at = j; p < k; p++, at += wRow) {
        const w0 = w[at], w1 = w[at + 1], w2 = w[at + 2], w3 = w[at + 3], xa = x[a + p], xb = x[b + p];
        a0 += xa * w0; a1 += xa * w1; a2 += xa * w2; a3 += xa * w3;
        b0 += xb * w0; b1 += xb * w1; b2 += xb * w2; b3 += xb * w3;
      }
      out[o] = a0; out[o + 1] = a1; out[o + 2] = a2; out[o + 3] = a3;
      out[o + outRow] = b0; out[o + outRow + 1] = b1; out[o + outRow + 2] = b2; out[o + outRow + 3] = b3;
    }
    for (let i = 0; i < n; i++) for (let j = i < n2 ? m4 : 0; j < m; j++) { // what the tiles leave over
      let sum = 0;
      for (let p = 0; p < k; p++) sum += x[i * xRow + p] * w[p * wRow + j];
      out[i * outRow + j] = sum;
    }
    if (bias) for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[i * outRow + j] += bias[j];
  },

  /** Each row of n numbers made positive and to sum to 1, in place. */
  softmax(rows, n) {
    for (let at = 0; at < rows.length; at += n) {
      let top = -Infinity, sum = 0;
      for (let j = at; j < at + n; j++) if (rows[j] > top) top = rows[j];
      for (let j = at; j < at + n; j++) sum += rows[j] = Math.exp(rows[j] - top); // never above 1: nothing overflows
      for (let j = at; j < at + n; j++) rows[j] /= sum;
    }
  },

  /** GELU in place: "tanh", the released code's formula, where 1/2 (1 + tanh u) is the sigmoid of 2 u; or "exact". */
  gelu(x, kind) {
    const share = kind === "exact" ? (a) => normalBelow(a)
      : (a) => 1 / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (a + 0.044715 * a * a * a)));
    for (let i = 0; i < x.length; i++) x[i] *= share(x[i]);
  },

  /** Each row of z with mean 0 and variance 1, then scaled and shifted. */
  layerNorm(out, z, scale, bias, epsilon) {
    const d = scale.length;
    for (let at = 0; at < z.length; at += d) {
      let mean = 0, variance = 0;
      for (let j = 0; j < d; j++) mean += z[at + j] / d;
      for (let j = 0; j < d; j++) variance += (z[at + j] - mean) ** 2 / d;
      const inverse = 1 / Math.sqrt(variance + epsilon);
      for (let j = 0; j < d; j++) out[at + j] = (z[at + j] - mean) * inverse * scale[j] + bias[j];
    }
  },
};

/**
 * The share of the normal distribution below a, 1/2 erfc(-a / sqrt 2), within 7e-8 (Abramowitz and Stegun 7.1.26):
 * JavaScript has no erf.
 */
function normalBelow(a) {
  const t = 1 / (1 + (0.3275911 * Math.abs(a)) / Math.SQRT2);
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const tail = (series * Math.exp((-a * a) / 2)) / 2;
  return a < 0 ? tail : 1 - tail;
}

/** The probabilities of logits; its own array, so that it outlives the next forward pass. */
function softmax(logits) {
  const chances = Float32Array.from(logits);
  plain.softmax(chances, chances.length);
  return chances;
}
