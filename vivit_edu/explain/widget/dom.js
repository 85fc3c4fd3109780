// A few words for making elements; every class begins with "vve-", so that no page's style meets it.

let made = 0;

// An id that no other element has.
export const named = () => `vve-${(made += 1)}`;

export const make = (tag, properties = {}, ...children) => {
  const { className, data, aria, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  if (className) element.className = className.split(" ").map((name) => `vve-${name}`).join(" ");
  for (const [name, value] of Object.entries(data ?? {})) element.dataset[name] = value;
  for (const [name, value] of Object.entries(aria ?? {})) element.setAttribute(`aria-${name}`, value);
  element.append(...children.filter((child) => child != null));
  return element;
};

// A button that is down or up.
export const toggle = (text, onclick, properties = {}) =>
  make("button", { type: "button", textContent: text, onclick, className: "button", ...properties });

// A labelled slider: {whole, slider, output}.
export const slide = (name, { max, min = 0, step = 1 }, oninput) => {
  const id = named();
  const slider = make("input", { type: "range", id, min, max, step, className: "slider" });
  slider.oninput = () => oninput(Number(slider.value));
  const output = make("output", { className: "value", htmlFor: id });
  return { whole: make("label", { className: "control", htmlFor: id }, name, slider, output), slider, output };
};

// A labelled choice: {whole, select}; `choose` fills it with [value, text] pairs.
export const choice = (name, onchange) => {
  const select = make("select", { className: "choice", onchange: () => onchange(select.value) });
  const choose = (pairs, value) => {
    const now = JSON.stringify(pairs);
    if (select.dataset.pairs !== now) {
      select.dataset.pairs = now;
      select.replaceChildren(...pairs.map(([key, text]) => make("option", { value: key, textContent: text })));
    }
    select.value = value;
  };
  return { whole: make("label", { className: "control" }, name, select), select, choose };
};

// A weight as a reader can take it in: three digits, no trailing noise.
export const told = (weight) => (weight >= 0.001 || weight === 0 ? Number(weight.toPrecision(3)).toString() : weight.toExponential(1));
