// When each frame of a file is shown, out of its container: browsers play films but do not tell where their frames are.

/**
 * Of an mp4, mov or webm file: `stamps`, when its frames are shown, in seconds and in that order; `turned`, whether its
 * lines are shown as columns; `shift`, by how many pixels browsers show colour too far along a line, since they take it
 * for stored in the middle of two pixels.
 */
async function stampsOf(file) {
  const start = new DataView(await file.slice(0, 16).arrayBuffer());
  const matroska = start.byteLength >= 16 && start.getUint32(0) === 0x1a45dfa3;
  const { stamps, shift = 0, turned = false } = matroska ? { stamps: webmStamps(new DataView(await file.arrayBuffer())) } : mp4Stamps(await movieBox(file));
  if (!stamps.length) throw new Error("it tells of no frames");
  return { stamps: Float64Array.from(stamps).sort(), shift, turned };
}

// ---- mp4 and mov: boxes of a size, a name and content

async function movieBox(file) {
  for (let at = 0; at + 8 <= file.size;) {
    const head = new DataView(await file.slice(at, at + 16).arrayBuffer());
    const { name, size } = boxAt(head, 0, file.size - at);
    if (name === "moov") return new DataView(await file.slice(at, at + size).arrayBuffer());
    at += size;
  }
  throw new Error("it is no mp4, mov or webm file");
}

function boxAt(view, at, rest) {
  const name = String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
  let size = view.getUint32(at), head = 8;
  if (size === 1) [size, head] = [Number(view.getBigUint64(at + 8)), 16];
  if (size === 0) size = rest;
  if (size < head) throw new Error("its boxes are damaged");
  return { name, size, from: at + head, to: at + size };
}

function* boxes(view, { from, to }) {
  for (let at = from; at + 8 <= to;) {
    const box = boxAt(view, at, to - at);
    yield box;
    at = box.to;
  }
}

function inside(view, box, ...path) {
  for (const name of path) {
    box = box && [...boxes(view, box)].find((one) => one.name === name);
  }
  return box;
}

const LEFT = ["avc1", "avc3", "hvc1", "hev1"]; // H.264 and HEVC store colour with the left one of two pixels

function mp4Stamps(view) {
  const movie = boxAt(view, 0, view.byteLength);
  const scaleOf = (box) => view.getUint32(box.from + (view.getUint8(box.from) ? 20 : 12));
  for (const track of boxes(view, movie)) {
    const media = track.name === "trak" && inside(view, track, "mdia"), handler = media && inside(view, media, "hdlr");
    if (!handler || view.getUint32(handler.from + 8) !== 0x76696465) continue; // "vide"
    const table = inside(view, media, "minf", "stbl"), scale = scaleOf(inside(view, media, "mdhd"));
    const stamps = shownAt(view, inside(view, table, "stts"), inside(view, table, "ctts"));
    const edit = editOf(view, inside(view, track, "edts", "elst"), scaleOf(inside(view, movie, "mvhd")), scale);
    const shown = stamps.filter((stamp) => stamp >= edit.from && stamp < edit.to);
    const left = LEFT.includes(boxAt(view, inside(view, table, "stsd").from + 8, 8).name);
    const [along, down] = lineOf(view, inside(view, track, "tkhd")), shift = left ? 0.5 * Math.sign(along || down) : 0;
    return { stamps: shown.map((stamp) => (stamp - edit.from + edit.delay) / scale), shift, turned: along === 0 };
  }
  throw new Error("it holds no video");
}

// Where a line of the picture is shown to run: to the right, and down.
function lineOf(view, head) {
  const matrix = head.from + (view.getUint8(head.from) ? 52 : 40);
  return [view.getInt32(matrix), view.getInt32(matrix + 4)];
}

// Runs of (count, value), from byte 8 on: how long frames last; by how much each is shown after it is decoded.
function* runs(view, box) {
  for (let entry = 0, at = box.from + 8; entry < view.getUint32(box.from + 4); entry++, at += 8) {
    for (let n = view.getUint32(at); n > 0; n--) yield view.getInt32(at + 4);
  }
}

function shownAt(view, lengths, offsets) {
  const later = offsets && runs(view, offsets), stamps = [];
  let decoded = 0;
  for (const length of runs(view, lengths)) {
    stamps.push(decoded + (later ? later.next().value ?? 0 : 0));
    decoded += length;
  }
  return stamps;
}

// Of the list of edits: an empty one delays the film; the first other says which stretch of it is shown.
function editOf(view, list, movieScale, scale) {
  const edit = { from: -Infinity, to: Infinity, delay: 0 };
  if (!list) return { ...edit, from: 0 };
  const wide = view.getUint8(list.from), number = (at) => (wide ? Number(view.getBigInt64(at)) : view.getInt32(at));
  for (let entry = 0, at = list.from + 8; entry < view.getUint32(list.from + 4); entry++, at += wide ? 20 : 12) {
    const lasts = number(at), first = number(at + (wide ? 8 : 4));
    if (first < 0) edit.delay += (lasts / movieScale) * scale;
    else return { ...edit, from: first, to: lasts ? first + Math.ceil((lasts / movieScale) * scale) : Infinity };
  }
  return { ...edit, from: 0 };
}

// ---- webm and Matroska: elements of an id, a size and content

const SEGMENT = 0x18538067, CLUSTER = 0x1f43b675, TRACKS = 0x1654ae6b, TRACK = 0xae, INFO = 0x1549a966, GROUP = 0xa0;
const NUMBER = 0xd7, KIND = 0x83, SCALE = 0x2ad7b1, CLUSTER_TIME = 0xe7, BLOCKS = [0xa3, 0xa1];

function webmStamps(view) {
  const found = { scale: 1e6, video: null, stamps: [] };
  walk(view, 0, view.byteLength, found, {});
  if (found.video === null) throw new Error("it holds no video");
  return found.stamps.map((stamp) => (stamp * found.scale) / 1e9);
}

function walk(view, from, to, found, around) {
  for (let at = from; at + 2 <= to;) {
    const id = idAt(view, at), size = sizeAt(view, at + id.length);
    const start = at + id.length + size.length, end = Math.min(size.value === null ? to : start + size.value, to);
    const whole = () => { let value = 0; for (let i = start; i < end; i++) value = value * 256 + view.getUint8(i); return value; };
    if ([SEGMENT, CLUSTER, TRACKS, INFO, GROUP].includes(id.value)) walk(view, start, end, found, id.value === CLUSTER ? {} : around);
    else if (id.value === TRACK) {
      const track = {};
      walk(view, start, end, found, track);
      if (track.kind === 1) found.video ??= track.number;
    } else if (id.value === NUMBER) around.number = whole();
    else if (id.value === KIND) around.kind = whole();
    else if (id.value === SCALE) found.scale = whole();
    else if (id.value === CLUSTER_TIME) around.time = whole();
    else if (BLOCKS.includes(id.value)) {
      const track = sizeAt(view, start);
      if (track.value === found.video) found.stamps.push(around.time + view.getInt16(start + track.length));
    }
    at = end;
  }
}

function idAt(view, at) {
  const length = Math.clz32(view.getUint8(at)) - 23;
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + view.getUint8(at + i);
  return { value, length: Math.max(1, length) };
}

// A number whose first bits say its length; all ones: unknown.
function sizeAt(view, at) {
  const first = view.getUint8(at), length = Math.clz32(first) - 23, rest = first & (0xff >> length);
  let value = rest, ones = rest === 0xff >> length;
  for (let i = 1; i < length; i++) {
    ones = ones && view.getUint8(at + i) === 0xff;
    value = value * 256 + view.getUint8(at + i);
  }
  return { value: ones ? null : value, length: Math.max(1, length) };
}
