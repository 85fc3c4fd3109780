// What the theme's pages leave out for those who hear them or go through them by key.
(() => {
  // The logo leads home, and stands in no landmark.
  const logo = document.querySelector(".navbar-brand.logo")?.parentElement;
  logo?.setAttribute("role", "navigation");
  logo?.setAttribute("aria-label", "Home");

  // A button is named by the words on it, so that who speaks them to the browser is understood.
  for (const named of document.querySelectorAll(".search-button-field, summary[aria-label]")) named.removeAttribute("aria-label");

  // What scrolls by itself can be scrolled by key.
  const scrolls = (part) => part.scrollWidth > part.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(part).overflowX);
  const reach = () => {
    for (const part of document.querySelectorAll("main :is(div, table, pre):not([tabindex])")) if (scrolls(part)) part.tabIndex = 0;
  };
  addEventListener("load", reach);
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true); // what was folded may be wide
})();
