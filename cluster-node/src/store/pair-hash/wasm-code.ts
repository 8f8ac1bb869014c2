/**
 * Just enough of WebAssembly's binary format (core specification, chapter 5, and its SIMD instructions) to write one function down.
 * A piece of code is its bytes; an operand is code that leaves one value on the stack.
 */
export type Code = readonly number[];

/** A local variable, by its index; parameters come first. */
export type Local = number;

/** Bytes of one 128-bit vector. */
export const vectorBytes = 16;

const opcodes = { end: 0x0b, loop: 0x03, branchIf: 0x0d, localGet: 0x20, localSet: 0x21 } as const;
const types = { i32: 0x7f, v128: 0x7b, nothing: 0x40, function: 0x60 } as const;
const simdPrefix = 0xfd;
/** Loads and stores carry a hint of their alignment, as a power of two: here that of a byte, which is always true. */
const anyAlignment = 0;

export function get(local: Local): Code {
  return [opcodes.localGet, ...unsigned(local)];
}

export function set(local: Local, value: Code): Code {
  return [...value, opcodes.localSet, ...unsigned(local)];
}

/** Runs `body`, and again as long as `condition` leaves something else than zero. */
export function repeat(body: Code, condition: Code): Code {
  return [opcodes.loop, types.nothing, ...body, ...condition, opcodes.branchIf, 0, opcodes.end];
}

/** Operations on one 32-bit number; addresses are such numbers. */
export const i32 = {
  of: (value: number): Code => [0x41, ...signed(value)],
  add: (a: Code, b: Code): Code => [...a, ...b, 0x6a],
  subtract: (a: Code, b: Code): Code => [...a, ...b, 0x6b],
  shiftLeft: (a: Code, bits: number): Code => [...a, ...i32.of(bits), 0x74],
  different: (a: Code, b: Code): Code => [...a, ...b, 0x47],
  /** The byte at `address + offset`. */
  loadByte: (address: Code, offset: number): Code => [...address, 0x2d, anyAlignment, ...unsigned(offset)],
} as const;

/** Operations on four 32-bit numbers side by side, each on its own. */
export const vector = {
  load: (address: Code, offset: number): Code => [...address, ...memory(0x00, offset)],
  /** The 32-bit number at `address + offset`, four times. */
  loadAlike: (address: Code, offset: number): Code => [...address, ...memory(0x09, offset)],
  store: (address: Code, offset: number, value: Code): Code => [...address, ...value, ...memory(0x0b, offset)],
  /** The same number four times. */
  alike: (value: number): Code => [...i32.of(value), ...simd(0x11)],
  add: (a: Code, b: Code): Code => [...a, ...b, ...simd(0xae)],
  and: (a: Code, b: Code): Code => [...a, ...b, ...simd(0x4e)],
  or: (a: Code, b: Code): Code => [...a, ...b, ...simd(0x50)],
  xor: (a: Code, b: Code): Code => [...a, ...b, ...simd(0x51)],
  /** Each bit from `a` where `mask` has a one, from `b` where it has a zero. */
  select: (a: Code, b: Code, mask: Code): Code => [...a, ...b, ...mask, ...simd(0x52)],
  shiftLeft: (a: Code, bits: number): Code => [...a, ...i32.of(bits), ...simd(0xab)],
  shiftRight: (a: Code, bits: number): Code => [...a, ...i32.of(bits), ...simd(0xad)],
  /** Sixteen bytes by their places: 0 to 15 are those of `a`, 16 to 31 those of `b`. */
  pickBytes: (a: Code, b: Code, places: readonly number[]): Code => [...a, ...b, ...simd(0x0d), ...places],
} as const;

/**
 * A module with `pages` of 64 KiB of memory, exported as `memory`, and one function, exported as `run`, that takes one 32-bit
 * number and returns nothing. Its locals: the parameter, then `numbers` 32-bit numbers, then `vectors` vectors.
 */
export function moduleOf({ pages, numbers, vectors, body }: ModuleParts): Uint8Array<ArrayBuffer> {
  const locals = [2, ...unsigned(numbers), types.i32, ...unsigned(vectors), types.v128];
  const code = [...locals, ...body, opcodes.end];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, types.function, 1, types.i32, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, ...unsigned(pages)]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('run'), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

export interface ModuleParts {
  readonly pages: number;
  readonly numbers: number;
  readonly vectors: number;
  readonly body: Code;
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): Code {
  return [...unsigned(text.length), ...Buffer.from(text, 'latin1')];
}

function simd(opcode: number): Code {
  return [simdPrefix, ...unsigned(opcode)];
}

function memory(opcode: number, offset: number): Code {
  return [...simd(opcode), anyAlignment, ...unsigned(offset)];
}

/** LEB128, seven bits to the byte, lowest first (section 5.2.2). */
function unsigned(value: number): Code {
  const rest = value >>> 7;
  return rest === 0 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(rest)];
}

function signed(value: number): Code {
  const low = value & 0x7f;
  const rest = value >> 7;
  const last = rest === ((low & 0x40) === 0 ? 0 : -1);
  return last ? [low] : [low | 0x80, ...signed(rest)];
}
