// plotly's buttons and sliders by key, as it draws them for a mouse only: Tab comes to each, Enter and Space press a
// button, arrows, Page Up and Down, Home and End move a slider; a screen reader hears what they are and what they show.
(() => {
  const BUTTONS = ".updatemenu-button, .updatemenu-header, .updatemenu-dropdown-button";
  const words = (element) => element.querySelector("text")?.textContent.replaceAll(/\s+/g, " ").trim() ?? "";
  const say = (element, values) => {
    for (const [name, value] of Object.entries(values)) if (element.getAttribute(name) !== `${value}`) element.setAttribute(name, value);
  };
  const shown = (parts) => (parts ?? []).map((part, index) => ({ ...part, index })).filter(({ visible }) => visible !== false);

  const nameButtons = (box) => {
    const menus = shown(box._fullLayout.updatemenus);
    box.querySelectorAll(".updatemenu-header-group").forEach((group, n) =>
      group.querySelectorAll(".updatemenu-button").forEach((button, index) => {
        if (menus[n]?.showactive && menus[n].buttons.length > 1) say(button, { "aria-pressed": menus[n].active === index });
      }));
    for (const button of box.querySelectorAll(BUTTONS)) say(button, { role: "button", tabindex: 0, "aria-label": words(button) });
  };

  const slidersOf = (box) => {
    const sliders = shown(box._fullLayout.sliders);
    return [...box.querySelectorAll(".slider-group")].map((group, n) => ({ group, ...sliders[n] })).filter(({ steps }) => steps);
  };
  const nameSliders = (box) => {
    for (const { group, steps, active, currentvalue } of slidersOf(box)) {
      const name = currentvalue?.prefix?.replace(/[\s:=]+$/, "") || "step";
      const at = { "aria-valuemin": 0, "aria-valuemax": steps.length - 1, "aria-valuenow": active };
      say(group, { role: "slider", tabindex: 0, "aria-label": name, ...at, "aria-valuetext": steps[active]?.label ?? active });
    }
  };

  // The step that a key asks for, or none.
  const stepFor = (key, active, last) => {
    const far = Math.max(1, Math.round(last / 10));
    const to = { ArrowRight: active + 1, ArrowUp: active + 1, ArrowLeft: active - 1, ArrowDown: active - 1 }[key] ??
      { PageUp: active + far, PageDown: active - far, Home: 0, End: last }[key];
    return to === undefined ? undefined : Math.min(last, Math.max(0, to));
  };

  const slide = (box, { group, steps, active, index }, event) => {
    const to = stepFor(event.key, active, steps.length - 1);
    if (to === undefined) return;
    event.preventDefault();
    if (to === active) return;
    const { method, args, execute } = steps[to];
    Plotly.relayout(box, { [`sliders[${index}].active`]: to });
    if (execute !== false && method !== "skip") Plotly[method](box, ...args);
    group.focus();
  };

  const heard = (box) => (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const button = event.target.closest(BUTTONS);
    if (button && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      button.dispatchEvent(new MouseEvent("click", { bubbles: true, view: window }));
    }
    const slider = slidersOf(box).find(({ group }) => group === event.target);
    if (slider) slide(box, slider, event);
  };

  document.addEventListener("figure-drawn", ({ detail: box }) => {
    const name = () => (nameButtons(box), nameSliders(box));
    if (!box._fullLayout.updatemenus?.length && !box._fullLayout.sliders?.length) return;
    name();
    for (const change of ["plotly_afterplot", "plotly_buttonclicked", "plotly_sliderchange", "plotly_relayout"]) box.on(change, name);
    box.addEventListener("keydown", heard(box));
  });
})();
