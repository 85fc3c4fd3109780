// Colours of a figure's words: an author's hue, made as dark or as light as the page's ground asks for.
window.legible = (() => {
  const ENOUGH = 4.6; // of contrast: WCAG asks for 4.5
  const pen = document.createElement("canvas").getContext("2d");

  // [red, green, blue, opacity] of whatever CSS calls a colour.
  const parts = (colour) => {
    pen.fillStyle = "#000";
    pen.fillStyle = colour;
    const [hex] = pen.fillStyle.match(/^#.{6}$/) ?? [];
    return hex ? [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).concat(1) : pen.fillStyle.match(/[\d.]+/g).map(Number);
  };

  const luminance = ([red, green, blue]) => {
    const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  };
  const contrast = (one, other) => {
    const [less, more] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (more + 0.05) / (less + 0.05);
  };

  // The colour itself where it is legible on the ground or is not meant to be seen, else one on the way to black or white.
  const on = (ground, colour) => {
    const [floor, ink] = [parts(ground), parts(colour)];
    if (ink[3] < 0.5) return colour;
    const end = luminance(floor) > 0.18 ? 0 : 255;
    for (let share = 0; share <= 1; share += 0.04) {
      const mixed = ink.slice(0, 3).map((v) => Math.round(v + (end - v) * share));
      if (contrast(mixed, floor) >= ENOUGH) return share ? `rgb(${mixed.join(", ")})` : colour;
    }
    return `rgb(${end}, ${end}, ${end})`;
  };

  // Every font with a colour of its own, below a trace or a layout: its place, as plotly names it, and the author's colour.
  const fonts = function* (value, path = "") {
    for (const [key, part] of Object.entries(value)) {
      if (!part || typeof part !== "object" || ["template", "args", "insidetextfont", "hoverlabel"].includes(key)) continue;
      if (Array.isArray(part)) {
        if (part[0] && typeof part[0] === "object" && !Array.isArray(part[0]))
          for (const [index, one] of part.entries()) yield* fonts(one, `${path}${key}[${index}].`);
        continue;
      }
      if (/font$/.test(key) && typeof part.color === "string") yield { font: part, path: `${path}${key}.color`, colour: part.color };
      yield* fonts(part, `${path}${key}.`);
    }
  };

  return { on, fonts };
})();
