// By how much an answer loses when a token is hidden: no attention and no gradient, but one more forward pass for each.

/**
 * The fall of one class's log-probability with each token's pixels in the clip's mean colour (Zeiler and Fergus 2014).
 *
 * A generator that stops after each token, since all of them may take seconds in which others have questions too.
 */
function* occlusion(model, video, { head, target, off = [] }) {
  const { config } = model, { grid: [nt, nh, nw], tubelet: [, h, w], size: [H, W], channels: C } = config;
  const clip = normalise(video).slice(), hidden = clip.slice(), colour = meanColour(clip, C);
  const scoreOf = (pixels) => logProbability(model.forward(pixels, { off }).logits.get(head), target);
  const before = scoreOf(clip), falls = new Float32Array(nt * nh * nw);
  const eachPixel = (token, act) => {
    const row = Math.floor(token / nw) % nh, column = token % nw;
    for (const frame of config.owned_frames[Math.floor(token / (nh * nw))]) for (let y = row * h; y < (row + 1) * h; y++) {
      for (let x = column * w; x < (column + 1) * w; x++) for (let c = 0; c < C; c++) act(((frame * H + y) * W + x) * C + c, c);
    }
  };
  for (let token = 0; token < falls.length; token++) {
    eachPixel(token, (i, c) => { hidden[i] = colour[c]; });
    falls[token] = before - scoreOf(hidden);
    eachPixel(token, (i) => { hidden[i] = clip[i]; });
    yield token;
  }
  return falls;
}

function meanColour(clip, C) {
  const colour = new Float64Array(C);
  clip.forEach((value, i) => { colour[i % C] += (value * C) / clip.length; });
  return colour;
}

function logProbability(logits, target) {
  const top = logits.reduce((a, b) => Math.max(a, b)), sum = logits.reduce((a, b) => a + Math.exp(b - top), 0);
  return logits[target] - top - Math.log(sum);
}
