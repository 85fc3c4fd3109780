// The parameters of a model out of the bytes of a safetensors file.
//
// The format: eight bytes that say how long the header is, the header (JSON: for each array its type, shape and place),
// then all numbers. Nothing here knows what the arrays are for.

const HEADER_MOST = 2 ** 20; // bytes; the header of a model with a thousand arrays takes a tenth

/** The arrays by name, { shape, data }, every number as float32, whichever way it is stored. */
function readSafetensors(bytes) {
  const buffer = ArrayBuffer.isView(bytes) ? bytes.slice().buffer : bytes, { header, start } = headerOf(buffer);
  const arrays = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    if (!(dtype in READ)) throw new Error(`${name} is stored as ${dtype}; a page reads ${Object.keys(READ).join(" and ")}`);
    if (start + to > buffer.byteLength) throw new Error(`the weights are cut short: they end within ${name}`);
    const data = READ[dtype](buffer.slice(start + from, start + to)); // a copy, since a view must start at a multiple of 4
    if (data.length !== shape.reduce((a, b) => a * b, 1)) throw new Error(`${name} should hold ${shape} numbers; got ${data.length}`);
    arrays[name] = { shape, data };
  }
  return arrays;
}

const READ = {
  __proto__: null,
  F16: (buffer) => Float32Array.from(new Uint16Array(buffer), half),
  F32: (buffer) => new Float32Array(buffer),
};

function headerOf(buffer) {
  const length = buffer.byteLength < 8 ? Infinity : Number(new DataView(buffer).getBigUint64(0, true));
  if (length > HEADER_MOST || 8 + length > buffer.byteLength) throw new Error("these bytes are no safetensors file");
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  delete header.__metadata__; // of the file, not an array
  return { header, start: 8 + length };
}

/**
 * The number that these sixteen bits are in IEEE 754: a sign, five bits of exponent, ten of fraction.
 *
 * Where the exponent's bits are all 0 the number is subnormal: there is no leading 1, and steps are of 2^-24. Trained
 * weights have such numbers; read as 0 they move a model's answer.
 */
function half(bits) {
  const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
}
