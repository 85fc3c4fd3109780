// What the explorer paints: frames, the weights over them, the query's outline, the scale.

// Inferno, dark to light, at nine equal steps; between them, straight lines.
const INFERNO = [[0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51], [249, 140, 10],
  [249, 201, 50], [252, 255, 164]];
const QUERY = "#e0218a";
const LEVELS = [0.25, 0.5, 0.75];

function shade(value) {
  const at = Math.min(Math.max(value, 0), 1) * (INFERNO.length - 1), low = Math.min(Math.floor(at), INFERNO.length - 2);
  return INFERNO[low].map((part, i) => Math.round(part + (at - low) * (INFERNO[low + 1][i] - part)));
}
const SHADES = Array.from({ length: 256 }, (_, i) => `rgb(${shade(i / 255).join(",")})`);
const colour = (value) => SHADES[Math.round(Math.min(Math.max(value, 0), 1) * 255)];

// Every frame once as a small canvas, from which all others are drawn.
function picturesOf(frames, count, height, width) {
  return Array.from({ length: count }, (_, n) => {
    const canvas = document.createElement("canvas");
    canvas.width = width; canvas.height = height;
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    for (let i = 0, from = n * height * width * 3; i < height * width; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = frames[from + 3 * i + c];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    return canvas;
  });
}

function topOf(scale, map, tokens) {
  return { row: map.top || 1, unit: 1, uniform: 10 / tokens }[scale];
}

// One frame of time index `time`, with the weights over it.
function paintFrame(canvas, picture, time, look) {
  const { map, grid: [, nh, nw], query, cursor, crop } = look, context = canvas.getContext("2d");
  const { width, height } = canvas, cell = [width * crop[1] / nw, height * crop[0] / nh];
  context.globalAlpha = 1;
  context.imageSmoothingEnabled = picture.width > 96;
  context.drawImage(picture, 0, 0, width, height);
  if (map && time >= 0) {
    const first = time * nh * nw, top = topOf(look.scale, map, look.tokens);
    paintUnseen(context, map, first, nh, nw, cell);
    (look.view === "contour" ? paintContour : paintOverlay)(context, map, first, nh, nw, cell, top, look.strength);
  }
  outline(context, query, time, nh, nw, cell, [["rgba(255,255,255,0.9)", 2], [QUERY, 1]]);
  outline(context, cursor, time, nh, nw, cell, [["#000", 2], ["#fff", 1]]);
}

// A frame around one token, in strokes of (colour, thickness), the outermost first.
function outline(context, token, time, nh, nw, [w, h], strokes) {
  if (token < 0 || Math.floor(token / (nh * nw)) !== time) return;
  const row = Math.floor(token / nw) % nh, column = token % nw, thick = Math.max(1, Math.min(context.canvas.width / 90, w / 7));
  context.globalAlpha = 1;
  for (const [style, times] of strokes) {
    context.strokeStyle = style; context.lineWidth = times * thick;
    context.strokeRect(column * w + thick, row * h + thick, w - 2 * thick, h - 2 * thick);
  }
}

function paintUnseen(context, map, first, nh, nw, cell) {
  context.globalAlpha = 0.72;
  context.fillStyle = hatched(context);
  for (let i = 0; i < nh * nw; i++)
    if (!map.seen[first + i]) fillCell(context, i, nw, cell);
}

// Grey with stripes, so that what is out of sight differs from a grey frame.
function hatched(context) {
  if (hatched.tile) return context.createPattern(hatched.tile, "repeat");
  const tile = hatched.tile = document.createElement("canvas"), pen = tile.getContext("2d");
  tile.width = tile.height = 12;
  pen.fillStyle = "#6d7177"; pen.fillRect(0, 0, 12, 12);
  pen.strokeStyle = "#9aa0a7"; pen.lineWidth = 1.2;
  pen.beginPath();
  for (const x of [-6, 6, 18]) { pen.moveTo(x - 9, 15); pen.lineTo(x + 9, -3); }
  pen.stroke();
  return hatched(context);
}

function paintOverlay(context, map, first, nh, nw, cell, top, strength) {
  context.globalAlpha = strength;
  for (let i = 0; i < nh * nw; i++) {
    if (!map.seen[first + i]) continue;
    context.fillStyle = colour(map.weights[first + i] / top);
    fillCell(context, i, nw, cell);
  }
}

function fillCell(context, i, nw, [w, h]) { // to whole pixels, so that no seam shows
  const left = Math.round((i % nw) * w), up = Math.round(Math.floor(i / nw) * h);
  context.fillRect(left, up, Math.round((i % nw + 1) * w) - left, Math.round((Math.floor(i / nw) + 1) * h) - up);
}

// Around the patches above a quarter, half and three quarters of the scale.
function paintContour(context, map, first, nh, nw, [w, h], top) {
  context.globalAlpha = 1;
  for (const level of LEVELS) {
    const above = (r, c) => r >= 0 && c >= 0 && r < nh && c < nw && map.weights[first + r * nw + c] / top >= level;
    context.beginPath();
    for (let r = 0; r <= nh; r++) for (let c = 0; c <= nw; c++) {
      if (above(r, c) !== above(r - 1, c)) { context.moveTo(c * w, r * h); context.lineTo((c + 1) * w, r * h); }
      if (above(r, c) !== above(r, c - 1)) { context.moveTo(c * w, r * h); context.lineTo(c * w, (r + 1) * h); }
    }
    for (const [style, width] of [["rgba(0,0,0,0.7)", 4], [colour(0.3 + 0.7 * level), 2]]) {
      context.strokeStyle = style; context.lineWidth = width; context.stroke();
    }
  }
}

// The colours from 0 to `top`, with a tick at the weight of which every key would get as much.
function paintScale(canvas, uniform, top) {
  const context = canvas.getContext("2d");
  for (let x = 0; x < canvas.width; x++) {
    context.fillStyle = colour(x / (canvas.width - 1));
    context.fillRect(x, 0, 1, canvas.height);
  }
  const at = Math.round(uniform / top * canvas.width);
  for (const [style, width] of [["#fff", 5], ["#000", 2]]) {
    context.fillStyle = style;
    if (uniform <= top) context.fillRect(Math.min(at, canvas.width - 3) - width / 2, 0, width, canvas.height);
  }
}
