// Shows the explorers of a page from the state that their notebook saved, with no kernel and no widget manager.
// `savedModel` is vivit_edu's own saved.js, which build.py puts before this.
const parts = (kind) => [...document.querySelectorAll(`script[type="application/vnd.jupyter.widget-${kind}+json"]`)];
const saved = Object.assign({}, ...parts("state").map((script) => JSON.parse(script.textContent).state));

const show = async (view, { state, buffers }) => {
  const { _esm: code, _css: style, ...values } = state;
  for (const { path, data } of buffers ?? []) values[path[0]] = data; // bytes, as base64
  values.meta = { ...values.meta, live: false };
  const box = document.createElement("div");
  box.append(Object.assign(document.createElement("style"), { textContent: style }));
  view.replaceWith(box);
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const { default: widget } = await import(address);
  URL.revokeObjectURL(address);
  await widget.render({ model: savedModel(values), el: box });
};

for (const view of parts("view")) {
  const widget = saved[JSON.parse(view.textContent).model_id];
  if (widget?.state._esm) show(view, widget);
}
