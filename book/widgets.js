// Shows the explorers of a page with no kernel, from the state that the notebook saved. `savedModel` is page.js of
// vivit_edu.explain, which build.py puts before this.
const DATA = (name) => [...document.querySelectorAll(`script[type="application/vnd.jupyter.widget-${name}+json"]`)];

const states = () => Object.assign({}, ...DATA("state").map((script) => JSON.parse(script.textContent).state));

// A widget's traits; those of bytes lie beside them as base64 text.
const traits = ({ state, buffers }) => {
  const whole = { ...state, live: false };
  for (const { path, data } of buffers ?? []) whole[path[0]] = data;
  return whole;
};

const show = async (script, saved) => {
  const { _esm: code, _css: style, ...state } = traits(saved);
  const box = document.createElement("div");
  box.className = "saved-widget";
  script.replaceWith(box);
  box.append(Object.assign(document.createElement("style"), { textContent: style }));
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const module = await import(address);
  URL.revokeObjectURL(address);
  await module.default.render({ model: savedModel(state), el: box });
};

const all = states();
for (const script of DATA("view")) {
  const saved = all[JSON.parse(script.textContent).model_id];
  if (saved?.state._esm) show(script, saved);
}
