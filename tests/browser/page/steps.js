// Takes steps, each from four random numbers: which, two of how, and whether it then rests, as fast fingers do not. Of
// those after which it rested, tells what did not agree, and how many there were of each kind.
window.takeSteps = async ([numbers, files]) => {
  const { session, model, all, key, press } = explorer, wrong = [], kinds = {};
  const pick = (list, number) => list[Math.floor(number * list.length)], tell = (one, kind) => one.dispatchEvent(new Event(kind, { bubbles: true }));
  const tokens = model.get("meta").grid.reduce((a, b) => a * b);
  const keys = [..."lhvsrc ,.[]?xdmab", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
  const file = ([name, text]) => new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name);
  const at = (a, b) => [Math.floor(a * tokens), Math.floor(b * all(".vivit-x-panel").length)];
  const acts = {
    pointer(a, b) { const [token, panel] = at(a, b); press(token, { panel }); },
    touch(a, b) { const [token, panel] = at(a, b); press(token, { panel, type: "touch", move: false }); },
    key(a, b) { key(pick(keys, a), { shiftKey: b < 0.3 }); },
    select(a, b) { const one = pick(all("select"), a); one.selectedIndex = Math.floor(b * one.length); tell(one, "change"); },
    button(a) { pick(all(".vivit-x-button:not([hidden])"), a).click(); },
    knock(a) { pick(all(".vivit-x-switch"), a).click(); },
    slide(a, b) { const one = pick(all("[type=range]"), a); one.value = b * one.max; tell(one, "input"); },
    film(a) { session.reading.take(file(pick(files, a))); },
    frame(a) { session.clock.stop(); model.set("frame", Math.floor(a * session.film.clip.count)); },
    resize(a) { document.body.style.width = `${280 + Math.floor(1100 * a)}px`; },
  };
  const shares = { pointer: 60, touch: 30, key: 60, select: 40, button: 20, knock: 40, slide: 20, film: 4, frame: 10, resize: 10 };
  const bag = Object.entries(shares).flatMap(([name, share]) => Array(share).fill(name));
  for (const [which, a, b, rests] of numbers) {
    const name = pick(bag, which);
    acts[name](a, b);
    kinds[name] = (kinds[name] || 0) + 1;
    if (rests < 0.3) continue;
    await explorer.settled();
    wrong.push(...explorer.disagreements().map((one) => `after ${name}: ${one}`));
    if (wrong.length) break;
  }
  await explorer.settled();
  return [wrong, explorer.disagreements(), kinds];
};
