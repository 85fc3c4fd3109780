// The data of the explorer: bytes from a kernel or from the page, and rows laid out on the grid of tokens.
// Joined before explorer_paint.js and explorer.js into one module, since a widget is one module.

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

const keyOf = (panel) => `${panel.model}|${panel.layer}|${panel.head}`;

// What a page holds: each row as bytes, 255 the row's largest weight, which lies in `tops`.
function storedRow(entry, blob, tops, reach, query, grid, every) {
  const whole = query < 0 || reach === "output", { time, row, column } = placeOf(query, grid);
  const [down, across] = [Math.ceil(grid[1] / every), Math.ceil(grid[2] / every)];
  const index = reach === "time" ? time : (time * down + Math.floor(row / every)) * across + Math.floor(column / every);
  const start = entry.offset + (whole ? 0 : entry.first + index * entry.length);
  const length = whole ? entry.first : entry.length;
  const top = tops[entry.top + (whole ? 0 : index + (entry.first ? 1 : 0))];
  return Float32Array.from(blob.subarray(start, start + length), (byte) => (byte * top) / 255);
}

// What a kernel has sent: the rows of all panels one after the other, and what they are the rows of.
function toldRow(told, rows, number, panel, query, off) {
  const row = told.panels && told.query === query && String(told.off) === String(off) && told.panels[number];
  if (!row || row.key !== keyOf(panel)) return null;
  return rows.subarray(row.start, row.start + row.length);
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
  return { weights, seen, most, classWeight: row[0], top: weights[most], uniform: 1 / (keys.length + (row[0] > 0)) };
}

function placeOf(token, [, nh, nw]) {
  return { time: Math.floor(token / (nh * nw)), row: Math.floor(token / nw) % nh, column: token % nw };
}

// The query of which the page holds the rows, nearest above and left.
function keptQuery(query, grid, every) {
  const { time, row, column } = placeOf(query, grid);
  return query < 0 ? query : (time * grid[1] + row - (row % every)) * grid[2] + column - (column % every);
}

function nameOf(token, grid) {
  const { time, row, column } = placeOf(token, grid);
  return `time ${time}, row ${row}, column ${column}`;
}

function spell(number) {
  if (number === 0) return "0";
  return number >= 0.001 ? number.toFixed(4) : number.toExponential(1);
}
