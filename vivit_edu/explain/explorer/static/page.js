// The page's own explorer, from the state that lies in it.
const values = JSON.parse(document.getElementById("state").textContent);
const inflated = (bytes) => new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
for (const name of ["frames", "blob", "tops"]) values[name] = await inflated(bytesOf(values[name]));
render({ model: savedModel(values), el: document.getElementById("explorer") });

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
