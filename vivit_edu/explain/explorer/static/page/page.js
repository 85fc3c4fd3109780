// The page's own explorer, from the state that lies in it, where long values are deflated.
async function inflated(value) {
  if (Array.isArray(value) || value === null || typeof value !== "object") return value;
  if (typeof value.deflated === "string") {
    return new Response(new Blob([bytesOf(value.deflated)]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
  }
  return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([name, part]) => [name, await inflated(part)])));
}
const values = await inflated(JSON.parse(document.getElementById("state").textContent));
const place = document.getElementById("explorer");
explorer().render({ model: savedModel(values), el: place });
const { session } = place.firstChild;
let titledFor = session.film;
session.join(titled);

// The page is about the film that it shows: its own, or a reader's.
function titled() {
  const { film, shown, model } = session;
  if (film === titledFor) return;
  titledFor = film;
  const names = model.get("meta").models.map(({ name }) => name).join(" and ");
  document.title = document.querySelector("h1").textContent = `${names} on ${film.clip.name}: ${answerOf(shown.groups, "before")}`;
  document.querySelector(".made span").textContent = film.clip.name;
}

const SCHEMES = { light: "light", "vscode-light": "light", "vscode-high-contrast-light": "light",
  dark: "dark", "vscode-dark": "dark", "vscode-high-contrast": "dark" };

// Within another page: as high as the content, and dark where that page is.
const outer = window.frameElement;
if (outer) {
  const { documentElement: page, body } = outer.ownerDocument, still = outer.nextElementSibling;
  if (still?.matches(".vivit-x-still")) still.style.display = "none";
  const follow = () => { document.documentElement.style.colorScheme = schemeOf(page, body); };
  follow();
  new MutationObserver(follow).observe(page, { attributes: true });
  new MutationObserver(follow).observe(body, { attributes: true });
  new ResizeObserver(() => { outer.style.height = `${document.body.scrollHeight + 4}px`; }).observe(document.body);
}

// Of the page around: what its host says of dark and light, else its own colour scheme, else what the reader's system says.
function schemeOf(page, body) {
  const said = [page, body].flatMap(({ dataset, classList }) => [dataset.theme, dataset.mode, dataset.bsTheme, dataset.vscodeThemeKind, ...classList]);
  said.push(page.getAttribute("theme"), { true: "light", false: "dark" }[body.dataset.jpThemeLight]);
  const named = said.map((word) => SCHEMES[word]).find(Boolean);
  if (named) return named;
  const own = getComputedStyle(page).colorScheme;
  return own === "dark" || own === "light" ? own : "light dark";
}
