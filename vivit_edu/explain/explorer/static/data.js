// The data of the explorer: bytes from a kernel or from the page, rows laid out on the grid of tokens, and numbers in words.
// All these files are joined into one module, since a widget is one module.

function bytesOf(value) {
  if (!value) return new Uint8Array(0);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (typeof value === "string") return Uint8Array.from(atob(value), (c) => c.charCodeAt(0));
  throw new Error("these are no bytes: " + Object.prototype.toString.call(value));
}

function floatsOf(value) {
  const bytes = bytesOf(value); // copied, since a view of floats must start at a multiple of 4
  return new Float32Array(bytes.slice().buffer);
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// The clip: what is said of it, its frames as pictures, and the numbers that the model takes.
function filmOf(model) {
  const clip = model.get("clip"), frames = bytesOf(model.get("frames"));
  return {
    clip,
    pictures: picturesOf(frames, clip.count, clip.height, clip.width),
    pixels: { frames: () => frames, uint8: () => bytesOf(model.get("video")), floats: () => floatsOf(model.get("video")) }[clip.pixels](),
  };
}

// A row on the grid: a weight for each token, and which tokens the query can see at all.
function onGrid(row, reach, query, [nt, nh, nw]) {
  const places = nh * nw, tokens = nt * places, keys = row.subarray(1);
  const weights = new Float32Array(tokens), seen = new Uint8Array(tokens);
  const put = (token, key) => { weights[token] = keys[key]; seen[token] = 1; };
  if (keys.length === tokens && reach !== "place" && reach !== "time") {
    for (let i = 0; i < tokens; i++) put(i, i);
  } else if (reach === "frame") {
    const first = Math.floor(query / places) * places;
    for (let i = 0; i < places; i++) put(first + i, i);
  } else if (reach === "place") {
    for (let t = 0; t < nt; t++) put(t * places + (query % places), t);
  } else {
    for (let i = 0; i < tokens; i++) put(i, Math.floor(i / places));
  }
  let most = 0;
  for (let i = 0; i < tokens; i++) if (weights[i] > weights[most] || (seen[i] && !seen[most])) most = i;
  return { reach, weights, seen, most, classWeight: row[0], top: weights[most], uniform: 1 / (keys.length + (row[0] > 0)) };
}

function placeOf(token, [, nh, nw]) {
  return { time: Math.floor(token / (nh * nw)), row: Math.floor(token / nw) % nh, column: token % nw };
}

function nameOf(token, grid) {
  const { time, row, column } = placeOf(token, grid);
  return `time ${time}, row ${row}, column ${column}`;
}

function spell(number) {
  if (number === 0) return "0";
  return number >= 0.001 ? number.toFixed(4) : number.toExponential(1);
}

const percent = (value) => `${(100 * value).toFixed(1)} %`;

// When a frame is shown: in seconds where the clip knows them, else by number.
const momentOf = ({ seconds }, frame) => (seconds ? `${seconds[frame].toFixed(2)} s` : `frame ${frame}`);
const headName = (head) => (isNaN(head) ? `${head} of heads` : `head ${head}`);
