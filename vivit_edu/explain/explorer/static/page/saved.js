// Stands for a widget's model where there is no kernel: what an explorer needs of one, over saved values.
function savedModel(values) {
  const listeners = new Map();
  return {
    get: (name) => values[name],
    set(name, value) {
      if (values[name] === value) return;
      values[name] = value;
      (listeners.get(`change:${name}`) || []).forEach((listener) => listener());
    },
    save_changes() {},
    send() { throw new Error("no kernel is here"); },
    on(name, listener) { listeners.set(name, [...(listeners.get(name) || []), listener]); },
    off(name, listener) { listeners.set(name, (listeners.get(name) || []).filter((one) => one !== listener)); },
  };
}
