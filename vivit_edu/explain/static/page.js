// Stands for the widget's model where there is no kernel: get, set, save_changes, on and off.
const holder = document.getElementById("state"), values = JSON.parse(holder.textContent), listeners = new Map();
const model = {
  get: (name) => values[name],
  set(name, value) {
    if (values[name] === value) return;
    values[name] = value;
    (listeners.get(`change:${name}`) || []).forEach((listener) => listener());
  },
  save_changes() {},
  on(name, listener) { listeners.set(name, [...(listeners.get(name) || []), listener]); },
  off(name, listener) { listeners.set(name, (listeners.get(name) || []).filter((one) => one !== listener)); },
};
for (const name of ["frames", "blob", "tops"]) values[name] = bytesOf(values[name]);
render({ model, el: document.getElementById("explorer") });

// Within another page: as high as the content, and dark where that page is.
const outer = window.frameElement;
if (outer) {
  const page = outer.ownerDocument.documentElement, body = outer.ownerDocument.body;
  const follow = () => {
    const lab = body.dataset.jpThemeLight;
    const theme = page.dataset.theme || (lab === "false" ? "dark" : lab === "true" ? "light" : "light dark");
    document.documentElement.style.colorScheme = theme;
  };
  follow();
  new MutationObserver(follow).observe(page, { attributes: true, attributeFilter: ["data-theme"] });
  new MutationObserver(follow).observe(body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  new ResizeObserver(() => { outer.style.height = `${document.body.scrollHeight + 4}px`; }).observe(document.body);
}
