// Rows of attention weights: found in what the page holds, fused over heads, laid out on the clip's grid.

// Bytes as they come: a DataView from a kernel, base64 text from a page.
export const bytesOf = (value) => {
  if (typeof value === "string") return Uint8Array.from(atob(value), (c) => c.charCodeAt(0));
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return new Uint8Array(value ?? 0);
};

export const inflate = async (bytes) => {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

// What the page holds, by "model:attention": `tops`, the largest weight of each row, and `levels`, a byte a weight.
export const openHeld = async (index, bytes) => {
  const held = new Map();
  for (const [key, part] of Object.entries(index)) {
    const whole = await inflate(bytes.slice(part.start, part.end));
    const rows = part.sequences * part.heads.length * part.tokens;
    held.set(key, { ...part, tops: new Float32Array(whole.buffer, 0, rows), levels: whole.subarray(4 * rows) });
  }
  return held;
};

export const isClassToken = (query) => query[1] < 0 || query[2] < 0;

// The sequence in which a query stands, and its index there.
const placeOf = (attention, query, grid, hasToken) => {
  const [, nh, nw] = grid;
  const [time, row, column] = query;
  const place = row * nw + column;
  const first = hasToken ? 1 : 0;
  const token = isClassToken(query);
  if (attention.keys === "clip") return [0, token ? 0 : first + time * nh * nw + place];
  if (attention.keys === "frame") return [time, token ? 0 : first + place];
  if (attention.keys === "frames") return [0, token ? 0 : first + time];
  return [place, time];
};

// One query's weights in each head that the page holds.
export const heldRow = (part, attention, query, grid, hasToken) => {
  const [sequence, index] = placeOf(attention, query, grid, hasToken);
  const weights = part.heads.map((_, n) => {
    const row = (sequence * part.heads.length + n) * part.tokens + index;
    const levels = part.levels.subarray(row * part.tokens, (row + 1) * part.tokens);
    return Float32Array.from(levels, (level) => part.tops[row] * (level / 255) ** 2);
  });
  return { heads: part.heads, weights };
};

// Rows as the kernel sent them: one after the other, heads before keys, float32.
export const sentRows = (list, bytes) => {
  const numbers = new Float32Array(bytes.slice().buffer);
  let at = 0;
  return list.map(({ key, heads, keys }) => {
    const weights = Array.from({ length: heads }, () => numbers.subarray(at, (at += keys)));
    return [key, { heads: [...Array(heads).keys()], weights }];
  });
};

// One row of several: a head's own, or the mean, maximum or minimum over the heads; null where the head is not held.
export const fuse = (row, head) => {
  if (typeof head === "number") return row.weights[row.heads.indexOf(head)] ?? null;
  const count = row.weights.length;
  return row.weights[0].map((_, key) => {
    const values = row.weights.map((weights) => weights[key]);
    if (head === "max") return Math.max(...values);
    if (head === "min") return Math.min(...values);
    return values.reduce((sum, value) => sum + value, 0) / count;
  });
};

// The weights on the grid, NaN where the query cannot look; `token` is what the class token gets, or null.
export const onGrid = (attention, query, weights, grid, hasToken) => {
  const [nt, nh, nw] = grid;
  const size = nh * nw;
  const first = hasToken && attention.keys !== "place" ? 1 : 0;
  const cells = new Float32Array(nt * size).fill(NaN);
  const keys = weights.subarray(first);
  if (attention.keys === "clip") cells.set(keys);
  else if (attention.keys === "frame") cells.set(keys, query[0] * size);
  else if (attention.keys === "frames") keys.forEach((weight, time) => cells.fill(weight, time * size, (time + 1) * size));
  else keys.forEach((weight, time) => (cells[time * size + query[1] * nw + query[2]] = weight));
  let peak = -1;
  cells.forEach((weight, cell) => {
    if (!Number.isNaN(weight) && !(peak >= 0 && cells[peak] >= weight)) peak = cell;
  });
  return { cells, peak, top: peak < 0 ? 0 : cells[peak], token: first ? weights[0] : null, uniform: 1 / weights.length };
};
