// Shows the explorers of a page from the state that their notebook saved, with no kernel and no widget manager.
// `savedModel` is vivit_edu's own saved.js, which build.py puts before this; saved_explorers.py has put what several
// explorers have in common aside.
const parts = (kind) => [...document.querySelectorAll(`script[type="application/vnd.jupyter.widget-${kind}+json"]`)];
const saved = {}, common = {};
for (const script of parts("state")) {
  const { state, shared } = JSON.parse(script.textContent);
  Object.assign(saved, state);
  Object.assign(common, shared);
}
const whole = (value) => common[value?.shared] ?? value;
const modules = new Map(); // one for each text of a script, so that all explorers of a page share its engine

function moduleOf(code) {
  if (!modules.has(code)) modules.set(code, import(URL.createObjectURL(new Blob([code], { type: "text/javascript" }))));
  return modules.get(code);
}

async function show(view, { state, buffers }) {
  const { _esm: code, _css: style, ...values } = state;
  for (const { path, data } of buffers ?? []) { // bytes, as base64
    const at = path.slice(0, -1).reduce((holder, name) => (holder[name] ??= {}), values);
    at[path.at(-1)] = whole(data);
  }
  const box = document.createElement("div");
  box.append(Object.assign(document.createElement("style"), { textContent: whole(style) }));
  view.replaceWith(box);
  const { default: explorer } = await moduleOf(whole(code));
  explorer().render({ model: savedModel(values), el: box });
}

for (const view of parts("view")) {
  const widget = saved[JSON.parse(view.textContent).model_id];
  if (widget?.state._esm) show(view, widget);
}
