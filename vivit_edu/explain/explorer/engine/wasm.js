// The machine on vectors of four numbers: WebAssembly with SIMD, some six times as fast as the plain loops. kernels.wat
// is the text of this binary and says how to assemble it.

const KERNELS = "AGFzbQEAAAABKQVgAXsBe2AIf39/f39/f38AYAp/f39/f39/f39/AGACf38AYAN/f38AAhABBHBhZ2UGbWVtb3J5AgABAwcGAAEBAgMEBxsDBm1hdG11bAADBGdlbHUABAdzb2Z0bWF4AAUKoQsGjQIBAnv9DAAArsIAAK7CAACuwgAArsL9DAAAsEIAALBCAACwQgAAsEIgAP3oAf3pASEAIABDO6q4P/0T/eYB/WohASAAIAFDAIAxP/0T/eYB/eUBIQAgACABQ4OAXjn9E/3mAf3kASEAQ2dpUDn9EyECIAIgAP3mAUPOQ7c6/RP95AEhAiACIAD95gFDCIkIPP0T/eQBIQIgAiAA/eYBQ8GpKj39E/3kASECIAIgAP3mAUOqqio+/RP95AEhAiACIAD95gFDAAAAP/0T/eQBIQIgAiAA/eYBQwAAgD/9E/3kASECIAIgAP3mAUMAAIA//RP95AEhAiACIAH9+AFB/wD9Ef2uAUEX/asB/eYBC+4CAwN7A38IeyAGBEAgBv0ABAAhDiAG/QAEECESIA4hDyAOIRAgDiERIBIhEyASIRQgEiEVCyACIANqIQsgCyADaiEMIAwgA2ohDQNAIAT9AAQAIQggBP0ABBAhCSAC/QkCACEKIA4gCiAI/eYB/eQBIQ4gEiAKIAn95gH95AEhEiAL/QkCACEKIA8gCiAI/eYB/eQBIQ8gEyAKIAn95gH95AEhEyAM/QkCACEKIBAgCiAI/eYB/eQBIRAgFCAKIAn95gH95AEhFCAN/QkCACEKIBEgCiAI/eYB/eQBIREgFSAKIAn95gH95AEhFSACQQRqIQIgC0EEaiELIAxBBGohDCANQQRqIQ0gBCAFaiEEIAdBAWsiBw0ACyAAIA79CwQAIAAgEv0LBBAgACABaiEAIAAgD/0LBAAgACAT/QsEECAAIAFqIQAgACAQ/QsEACAAIBT9CwQQIAAgAWohACAAIBH9CwQAIAAgFf0LBBAL5AEDAXsBfQR/A0AgBiAHTwRADwsgBkECdCENIAIgDWohCyABIQogBSEMIAZBBGogB00EQEMAAAAA/RMhCCAEBEAgBCANav0ABAAhCAsDQCAIIAr9CQIAIAv9AAQA/eYB/eQBIQggCkEEaiEKIAsgA2ohCyAMQQFrIgwNAAsgACANaiAI/QsEACAGQQRqIQYFQwAAAAAhCSAEBEAgBCANaioCACEJCwNAIAkgCioCACALKgIAlJIhCSAKQQRqIQogCyADaiELIAxBAWsiDA0ACyAAIA1qIAk4AgAgBkEBaiEGCwwACwuXAQEDfwNAIAdFBEAPC0EAIQpBASELIAdBBE8EQEEEIQsCQANAIApBCGogCUsNASAKQQJ0IQwgACAMaiABIAIgAyAEIAxqIAUgBiAMakEAIAYbIAgQASAKQQhqIQoMAAsLCyAHIAtrIQcDQCAAIAIgBCAFIAYgCCAKIAkQAiAAIAFqIQAgAiADaiECIAtBAWsiCw0ACwwACwtcAQF7A0AgAP0ABAAhAiAAIAJDAACAP/0TQypCzL/9EyAC/eYBQwAAgD/9E0MTJzc9/RMgAiAC/eYB/eYB/eQB/eYBEAD95AH95wH9CwQAIABBEGoiACABSQ0ACwvDAgMDfwJ9AnsgAUECdCEBA0AgACABaiEDIAAgAUFwcWohBEMAAID/IQYgACEFA0AgBiAFKgIAlyEGIAVBBGoiBSADSQ0AC0MAAAAA/RMhCUMAAAAAIQcgACEFA0AgBSAESQRAIAX9AAQAIAb9E/3lARAAIQggBSAI/QsEACAJIAj95AEhCSAFQRBqIQUMAQsgBSADSQRAIAX9CQIAIAb9E/3lARAAIQggBSAI/R8AOAIAIAcgCP0fAJIhByAFQQRqIQUMAQsLIAcgCf0fACAJ/R8BkiAJ/R8CIAn9HwOSkpIhB0MAAIA/IAeVIQcgACEFA0AgBSAESQRAIAUgBf0ABAAgB/0T/eYB/QsEACAFQRBqIQUMAQsgBSADSQRAIAUgBSoCACAHlDgCACAFQQRqIQUMAQsLIAMhACACQQFrIgINAAsL";

const PAGE = 2 ** 16; // bytes; WebAssembly's memory comes in such pieces

class NoRoom extends Error {}

/**
 * A machine with a memory of its own, for one model.
 *
 * Arrays are laid one after the other, and all that a forward pass makes is given up at the start of the next one. When
 * they do not fit, `array` throws NoRoom: the memory may only grow between two forward passes, since growing takes every
 * array's numbers away from it.
 */
async function wasm() {
  const code = Uint8Array.from(atob(KERNELS), (c) => c.charCodeAt(0));
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { matmul, gelu, softmax } = (await WebAssembly.instantiate(code, { page: { memory } })).instance.exports;
  const room = (size) => (4 * size + 15) & ~15;
  const places = new Map(); // of the parameters
  let next = 16, kept = 16, parameters = {}; // matmul reads address 0 as "no bias"

  function reserve(bytes) {
    const pages = Math.ceil((bytes - memory.buffer.byteLength) / PAGE);
    if (pages <= 0) return;
    try { memory.grow(pages); } catch { throw new Error(`the browser gives no ${Math.ceil(bytes / 2 ** 20)} MB to this model`); }
    for (const [name, [start, size]] of places) parameters[name] = new Float32Array(memory.buffer, start, size);
  }

  return {
    ...plain,
    name: "WebAssembly",
    load(arrays) {
      for (const [name, { data }] of Object.entries(arrays)) {
        places.set(name, [kept, data.length]);
        kept += room(data.length);
      }
      reserve(2 * kept + 2 ** 20); // what a forward pass makes may fit too
      for (const [name, { data }] of Object.entries(arrays)) parameters[name].set(data);
      return parameters;
    },
    array(size) {
      if (next + room(size) > memory.buffer.byteLength) throw new NoRoom();
      const array = new Float32Array(memory.buffer, next, size).fill(0);
      next += room(size);
      return array;
    },
    release() { next = kept; },
    enlarge() { reserve(2 * memory.buffer.byteLength); },
    matmul: (out, outRow, x, xRow, w, wRow, bias, n, k, m) => matmul(
      out.byteOffset, 4 * outRow, x.byteOffset, 4 * xRow, w.byteOffset, 4 * wRow, bias ? bias.byteOffset : 0, n, k, m),
    gelu: (x, kind) => (kind === "tanh" ? gelu(x.byteOffset, x.byteOffset + 4 * x.length) : plain.gelu(x, kind)),
    softmax: (rows, n) => softmax(rows.byteOffset, n, rows.length / n),
  };
}

/** WebAssembly where the browser has it and the page's policy lets it run; the plain loops elsewhere. */
const machine = () => wasm().catch(() => plain);
