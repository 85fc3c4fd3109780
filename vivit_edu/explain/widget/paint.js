// Frames and attention on canvases. Nothing here knows of models or of the page.

// Each frame of the clip on a canvas of its own size.
export const framesOf = ([count, height, width], rgb) =>
  Array.from({ length: count }, (_, n) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const image = new ImageData(width, height);
    const from = n * height * width * 3;
    for (let i = 0; i < height * width; i++) {
      image.data.set(rgb.subarray(from + 3 * i, from + 3 * i + 3), 4 * i);
      image.data[4 * i + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  });

// 256 colours from a few, evenly spaced and blended: ["#000004", ...] -> [[r, g, b], ...].
export const shadesOf = (stops) => {
  const parsed = stops.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return Array.from({ length: 256 }, (_, n) => {
    const place = (n / 255) * (parsed.length - 1);
    const low = Math.min(Math.floor(place), parsed.length - 2);
    return parsed[low].map((value, i) => Math.round(value + (parsed[low + 1][i] - value) * (place - low)));
  });
};

const small = (shades, cells, [nh, nw], top) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: nw, height: nh });
  const image = new ImageData(nw, nh);
  cells.forEach((weight, i) => {
    if (Number.isNaN(weight)) return;
    image.data.set(shades[Math.round(255 * Math.min(1, weight / (top || 1)))], 4 * i);
    image.data[4 * i + 3] = 255;
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
};

// Lines between patches on either side of a quarter, a half and three quarters of the scale's end.
const contours = (pen, shades, cells, [nh, nw], top, [width, height]) => {
  const at = (row, column) => (row < 0 || column < 0 || row >= nh || column >= nw ? 0 : cells[row * nw + column] || 0);
  for (const level of [0.25, 0.5, 0.75]) {
    const above = (row, column) => at(row, column) >= level * top && top > 0;
    pen.beginPath();
    for (let row = 0; row <= nh; row++)
      for (let column = 0; column <= nw; column++) {
        const [x, y] = [(column * width) / nw, (row * height) / nh];
        if (above(row, column) !== above(row, column - 1)) (pen.moveTo(x, y), pen.lineTo(x, y + height / nh));
        if (above(row, column) !== above(row - 1, column)) (pen.moveTo(x, y), pen.lineTo(x + width / nw, y));
      }
    pen.lineWidth = Math.max(1.5, width / 160);
    pen.strokeStyle = `rgb(${shades[Math.round(255 * (0.25 + 0.75 * level))]})`;
    pen.stroke();
  }
};

// One frame with its attention.
// look: {shades, cells, size: [nh, nw], top, drawn: "overlay" | "contour", strength 0..1}; mark: [row, column], "frame" or null.
export const paint = (canvas, frame, look, mark, colour) => {
  const pen = canvas.getContext("2d");
  const { width, height } = canvas;
  pen.imageSmoothingEnabled = false;
  pen.globalAlpha = 1;
  pen.drawImage(frame, 0, 0, width, height);
  const seen = look && !look.cells.every(Number.isNaN);
  if (look && seen && look.drawn === "overlay") {
    pen.globalAlpha = look.strength;
    pen.drawImage(small(look.shades, look.cells, look.size, look.top), 0, 0, width, height);
    pen.globalAlpha = 1;
  }
  if (look && seen && look.drawn === "contour")
    contours(pen, look.shades, look.cells, look.size, look.top, [width, height]);
  if (look && !seen) veil(pen, width, height);
  if (mark) outline(pen, canvas, look?.size ?? [1, 1], mark, colour);
};

// Grey, hatched: the query cannot look here.
const veil = (pen, width, height) => {
  pen.fillStyle = "rgba(110, 114, 120, 0.72)";
  pen.fillRect(0, 0, width, height);
  pen.strokeStyle = "rgba(255, 255, 255, 0.28)";
  pen.lineWidth = Math.max(1, width / 120);
  pen.beginPath();
  for (let x = -height; x < width; x += width / 7) (pen.moveTo(x, height), pen.lineTo(x + height, 0));
  pen.stroke();
};

const outline = (pen, { width, height }, [nh, nw], mark, colour) => {
  const line = Math.max(2, width / 90);
  const [w, h] = mark === "frame" ? [width, height] : [width / nw, height / nh];
  const [x, y] = mark === "frame" ? [0, 0] : [mark[1] * w, mark[0] * h];
  for (const [style, thick] of [["rgba(255, 255, 255, 0.9)", 2 * line], [colour, line]]) {
    pen.strokeStyle = style;
    pen.lineWidth = thick;
    pen.strokeRect(x + line, y + line, w - 2 * line, h - 2 * line);
  }
};

// The colours from 0 to the scale's end, with a tick at the weight that all keys would share equally.
export const paintScale = (canvas, shades, part) => {
  const pen = canvas.getContext("2d");
  for (let x = 0; x < canvas.width; x++) {
    pen.fillStyle = `rgb(${shades[Math.round((255 * x) / (canvas.width - 1))]})`;
    pen.fillRect(x, 0, 1, canvas.height);
  }
  if (part > 1) return;
  pen.fillStyle = "#fff";
  pen.fillRect(Math.round(part * (canvas.width - 2)) - 1, 0, 4, canvas.height);
  pen.fillStyle = "#000";
  pen.fillRect(Math.round(part * (canvas.width - 2)), 0, 2, canvas.height);
};
