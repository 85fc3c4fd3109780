// A saved widget in a page with no kernel: what anywidget's `render` needs of a model, and no more.
export const savedModel = (state) => {
  const listeners = {};
  return {
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
      (listeners[`change:${name}`] ?? []).forEach((act) => act());
    },
    on: (event, act) => (listeners[event] ??= []).push(act),
    off: (event, act) => (listeners[event] = (listeners[event] ?? []).filter((one) => one !== act)),
    save_changes: () => {},
    send: () => {},
  };
};
