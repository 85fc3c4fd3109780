// A reader's own film, without a kernel: frames spread evenly over it, scaled and cropped as the library's reader does.

const STUCK = 10_000; // milliseconds after which a film that does not move is given up

/** { frames, seconds }: uint8 (T, H, W, 3) and each frame's time; null where `wanted()` has become false meanwhile. */
async function framesOf(file, [count, height, width], wanted, progress) {
  const { stamps, shift, turned } = await stampsOf(file), player = document.createElement("video");
  const chosen = Array.from({ length: count }, (_, i) => rounded((i * (stamps.length - 1)) / Math.max(1, count - 1)));
  Object.assign(player, { muted: true, preload: "auto", playsInline: true, src: URL.createObjectURL(file) });
  try {
    await until(player, "loadeddata");
    const scaling = croppingOf(player, [height, width], { shift, turned }), seconds = [];
    const frames = new Uint8Array(count * height * width * 3), from = stamps[0];
    for (const [i, index] of chosen.entries()) {
      if (!wanted()) return null;
      if (index !== chosen[i - 1]) await seek(player, within(stamps, index), stamps[index]);
      frames.set(scaling(player), i * height * width * 3);
      seconds.push(Math.round(1e6 * (stamps[index] - from)) / 1e6);
      progress(i + 1);
    }
    return { frames, seconds };
  } finally {
    URL.revokeObjectURL(player.src);
    player.removeAttribute("src");
    player.load();
  }
}

// A time at which the frame is surely shown: half way to the next one; the last is given as long as the one before it.
function within(stamps, index) {
  const last = stamps[index] - (stamps[index - 1] ?? stamps[index] - 0.04);
  return stamps[index] + ((stamps[index + 1] ?? stamps[index] + last) - stamps[index]) / 2;
}

// To the nearest whole number, halves to the even one, as numpy does.
function rounded(value) {
  const low = Math.floor(value), rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2) ? low + 1 : low;
}

function until(player, event) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => done(() => reject(new Error("it does not play"))), STUCK);
    const good = () => done(resolve), bad = () => done(() => reject(new Error("this browser does not know its codec")));
    function done(act) {
      clearTimeout(timer);
      player.removeEventListener(event, good);
      player.removeEventListener("error", bad);
      act();
    }
    player.addEventListener(event, good);
    player.addEventListener("error", bad);
  });
}

/** Shows the frame at that time, which has that stamp: told by the browser too, since a seek may end a little before. */
async function seek(player, time, stamp) {
  const there = until(player, "seeked"), drawn = presented(player, (shown) => Math.abs(shown - stamp) <= Math.abs(time - stamp) + 0.002);
  player.currentTime = time;
  await there;
  await Promise.race([drawn, new Promise((resolve) => { setTimeout(resolve, 500); })]); // of some files, stamps start elsewhere
}

async function presented(player, isIt) {
  if (!player.requestVideoFrameCallback) return;
  for (let shown = NaN; !isIt(shown);) {
    shown = await new Promise((resolve) => { player.requestVideoFrameCallback((_, { mediaTime }) => resolve(mediaTime)); });
  }
}

// A film that is shown turned is scaled as it is stored, lines along lines.
function croppingOf({ videoHeight, videoWidth }, [height, width], { shift, turned }) {
  if (!turned) return cropping([videoHeight, videoWidth], [height, width], shift);
  const lying = cropping([videoWidth, videoHeight], [width, height], shift, [0, 1, 1, 0, 0, 0]);
  return (picture) => {
    const pixels = lying(picture);
    return pixels.map((_, i) => pixels[3 * (Math.floor(i / 3) % width * height + Math.floor(i / 3 / width)) + i % 3]);
  };
}

/** A function from a picture to the uint8 pixels (height, width, 3) of its middle, scaled to cover that size. */
function cropping([fullHeight, fullWidth], [height, width], shift, transform = [1, 0, 0, 1, 0, 0]) {
  if (!fullHeight || !fullWidth) throw new Error("it holds no picture");
  const scale = Math.max(height / fullHeight, width / fullWidth), cover = (full, least) => Math.max(least, rounded(full * scale));
  const [tall, wide] = [cover(fullHeight, height), cover(fullWidth, width)];
  const [top, left] = [Math.floor((tall - height) / 2), Math.floor((wide - width) / 2)], rows = taps(fullHeight, tall, top, height);
  const columns = taps(fullWidth, wide, left, width), half = wide / 2;
  const coarse = wide % 2 ? taps(fullWidth, wide, left, width, shift) : paired(taps(fullWidth, half, 0, half, shift), left, width);
  const canvas = Object.assign(document.createElement("canvas"), { width: fullWidth, height: fullHeight });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.setTransform(...transform);
  return (picture) => {
    context.drawImage(picture, 0, 0);
    return scaled(context.getImageData(0, 0, fullWidth, fullHeight), rows, columns, coarse);
  };
}

const paired = (halves, left, width) => Array.from({ length: width }, (_, i) => halves[(left + i) >> 1]);

/** For each of the pixels asked for, which ones of the full side it is mixed from: linear, wide enough to miss none. */
function taps(full, cover, first, count, shift = 0) {
  const step = full / cover, reach = Math.max(1, step);
  return Array.from({ length: count }, (_, i) => {
    const middle = (first + i + 0.5) * step - 0.5 + shift, low = Math.ceil(middle - reach), weights = [];
    for (let at = low; at <= middle + reach; at++) weights.push(Math.max(0, 1 - Math.abs(at - middle) / reach));
    const sum = weights.reduce((a, b) => a + b);
    return { at: weights.map((_, n) => Math.min(Math.max(low + n, 0), full - 1)), weights: weights.map((weight) => weight / sum) };
  });
}

// Brightness by `columns`, colour by `coarse`, as FFmpeg does: where a line has an even number of pixels, colour is that
// of pairs; and where colour is stored half a pixel further left, it is taken there.
function scaled({ data, width }, rows, columns, coarse) {
  const out = new Uint8ClampedArray(rows.length * columns.length * 3), line = new Float64Array(width * 3);
  const mixed = ({ at, weights }) => [0, 1, 2].map((c) => at.reduce((sum, x, n) => sum + weights[n] * line[3 * x + c], 0));
  const bright = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b;
  let next = 0;
  for (const row of rows) {
    line.fill(0);
    row.at.forEach((y, n) => {
      for (let i = 0, from = y * width * 4; i < width; i++, from += 4) {
        for (let c = 0; c < 3; c++) line[3 * i + c] += row.weights[n] * data[from + c];
      }
    });
    columns.forEach((column, i) => {
      const fine = mixed(column), colour = column === coarse[i] ? fine : mixed(coarse[i]), lighter = bright(fine) - bright(colour);
      for (const value of colour) out[next++] = value + lighter;
    });
  }
  return out;
}
