/**
 * The hashes of four inner nodes at once (RFC 6962 section 2.1), SHA-256(0x01 ‖ left ‖ right), one in each lane of 128-bit
 * vectors. Letters and sigmas are those of FIPS 180-4, section 6.2.2.
 *
 * The 65 bytes take two blocks. What makes the second one cheap is that only its first byte, the pair's last one, is not
 * known beforehand: the words of its 64 rounds come from a table with a row for each value of that byte.
 */
import { initialState, messageSchedule, roundConstants } from './sha256-constants.ts';
import { type Code, get, i32, type Local, moduleOf, repeat, set, vector, vectorBytes } from './wasm-code.ts';

/** Pairs that are hashed at once. */
export const lanes = 4;
const hashBytes = 32;
const pairBytes = 2 * hashBytes;
const wordBytes = 4;
const rounds = 64;
/** Rounds written out, the others being repetitions: as many as a block has words, so that each word keeps its place in memory. */
const roundsAtOnce = 16;
const repetitionBytes = roundsAtOnce * wordBytes;

const pageBytes = 65_536;
const rowBytes = rounds * wordBytes;
/** Where things lie in memory; the table of 256 rows fills the first page. */
const layout = {
  secondBlocks: 0,
  roundConstants: pageBytes,
  /** The sixteen vectors of words that the next rounds take. */
  schedule: pageBytes + rowBytes,
  afterFirstBlock: pageBytes + rowBytes + roundsAtOnce * vectorBytes,
  pairs: 2 * pageBytes,
} as const;

/** As many pairs as fill one page: larger runs gain nothing, since the call is no longer what costs. */
export const maxPairs = pageBytes / pairBytes;

/** The function's locals: its parameter, seven more numbers, twenty vectors. */
const locals = {
  /** How often to go on. */
  times: 0,
  source: 1,
  target: 2,
  /** Bytes of round constants that are used up. */
  done: 3,
  rows: [4, 5, 6, 7],
  /** a to h. */
  state: [8, 9, 10, 11, 12, 13, 14, 15],
  sum: 16,
  word: 17,
  aAndB: [18, 19],
  words: [20, 21, 22, 23],
  spare: [24, 25, 26, 27],
} as const;
const localTypes = { numbers: 7, vectors: 20 } as const;

const memoryStart = i32.of(0);

export interface FourLanes {
  /** Room for `maxPairs` pairs, one after the other; their hashes then stand in the same place, from its start. */
  readonly pairs: Uint8Array;
  /** Hashes `lanes` pairs so many times, at least once. */
  readonly run: (times: number) => void;
}

/** Throws `WebAssembly.CompileError` on processors without vectors of 128 bits; of x86, those from before 2008. */
export function fourLanes(): FourLanes {
  const code = moduleOf({ pages: 3, ...localTypes, body: hashPairs() });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
  // What `moduleOf` exports; WebAssembly's own types do not know.
  const { memory, run } = exports as { memory: WebAssembly.Memory; run: FourLanes['run'] };
  const words = new Uint32Array(memory.buffer);
  words.set(roundConstants, layout.roundConstants / wordBytes);
  for (let lastByte = 0; lastByte < 256; lastByte++) {
    const row = messageSchedule(secondBlock(lastByte)).map((word, round) => word + (roundConstants[round] ?? 0));
    words.set(row, (layout.secondBlocks + lastByte * rowBytes) / wordBytes);
  }
  return { pairs: new Uint8Array(memory.buffer, layout.pairs, maxPairs * pairBytes), run };
}

/** The last byte of the right hash, the one bit that ends the message, and its length in bits (section 5.1.1). */
function secondBlock(lastByte: number): Uint32Array {
  const block = new Uint32Array(16);
  block[0] = (lastByte << 24) | (0x80 << 16);
  block[15] = 8 * (1 + pairBytes);
  return block;
}

function hashPairs(): Code {
  const { times, source, target } = locals;
  return [
    ...set(source, i32.of(layout.pairs)),
    ...set(target, i32.of(layout.pairs)),
    ...repeat(
      [
        ...loadFirstBlock(),
        ...firstBlock(),
        ...secondBlockRounds(),
        ...storeHashes(),
        ...set(source, i32.add(get(source), i32.of(lanes * pairBytes))),
        ...set(target, i32.add(get(target), i32.of(lanes * hashBytes))),
        ...set(times, i32.subtract(get(times), i32.of(1))),
      ],
      get(times),
    ),
  ];
}

/** The pairs' first 63 bytes, behind the prefix, as the words of four blocks; and the rows of the second ones. */
function loadFirstBlock(): Code {
  const { source, words, rows } = locals;
  // The prefix shifts everything by one byte, so reading starts one before the pair, and that byte is replaced.
  const shifted = i32.subtract(get(source), i32.of(1));
  const quarters = [0, 1, 2, 3].map((quarter) => [
    ...words.flatMap((word, lane) => {
      const offset = lane * pairBytes + quarter * vectorBytes;
      return [...set(word, vector.load(shifted, offset)), ...set(word, bigEndian(word))];
    }),
    ...transpose(words, words),
    ...(quarter === 0 ? set(words[0], prefixed(words[0])) : []),
    ...words.flatMap((word, i) => vector.store(memoryStart, scheduled(quarter * lanes + i), get(word))),
  ]);
  const rowsOfLanes = rows.map((row, lane) =>
    set(row, i32.shiftLeft(i32.loadByte(get(source), lane * pairBytes + pairBytes - 1), Math.log2(rowBytes))),
  );
  return [...quarters, ...rowsOfLanes].flat();
}

function prefixed(word: Local): Code {
  return vector.or(vector.and(get(word), vector.alike(0x00ffffff)), vector.alike(0x01000000));
}

function firstBlock(): Code {
  const { state, done, word } = locals;
  const written = Array.from({ length: roundsAtOnce }, (_, i) => i);
  const constant = (i: number): Code => vector.loadAlike(get(done), layout.roundConstants + i * wordBytes);
  const roundOf = (i: number): Code => [
    ...set(word, vector.load(memoryStart, scheduled(i))),
    ...round(i, vector.add(get(word), constant(i))),
  ];
  return [
    ...state.flatMap((part, i) => set(part, vector.alike(initialState[i] ?? 0))),
    ...startRounds(),
    ...repeat(
      [...written.flatMap((i) => [...roundOf(i), ...stretch(i)]), ...nextRounds()],
      i32.different(get(done), i32.of((rounds - roundsAtOnce) * wordBytes)),
    ),
    ...written.flatMap(roundOf),
    ...state.flatMap((part, i) => [
      ...set(part, vector.add(get(part), vector.alike(initialState[i] ?? 0))),
      ...vector.store(memoryStart, layout.afterFirstBlock + i * vectorBytes, get(part)),
    ]),
  ];
}

/** Replaces word `i`, which `word` holds and which no later round takes, by the one sixteen rounds later. */
function stretch(i: number): Code {
  const { word, words } = locals;
  const [far, near] = words;
  const s0 = xor(rotateRight(far, 7), rotateRight(far, 18), vector.shiftRight(get(far), 3));
  const s1 = xor(rotateRight(near, 17), rotateRight(near, 19), vector.shiftRight(get(near), 10));
  const middle = vector.load(memoryStart, scheduled(i + 9));
  return [
    ...set(far, vector.load(memoryStart, scheduled(i + 1))),
    ...set(near, vector.load(memoryStart, scheduled(i + 14))),
    ...vector.store(memoryStart, scheduled(i), vector.add(vector.add(get(word), s0), vector.add(middle, s1))),
  ];
}

function secondBlockRounds(): Code {
  const { state, done, rows, words } = locals;
  const quarters = [0, 1, 2, 3].flatMap((quarter) => [
    ...rows.flatMap((row, lane) => {
      const address = i32.add(get(row), get(done));
      return set(words[lane] ?? words[0], vector.load(address, layout.secondBlocks + quarter * vectorBytes));
    }),
    ...transpose(words, words),
    ...words.flatMap((word, i) => round(quarter * lanes + i, get(word))),
  ]);
  return [
    ...startRounds(),
    ...repeat([...quarters, ...nextRounds()], i32.different(get(done), i32.of(rounds * wordBytes))),
    ...state.flatMap((part, i) =>
      set(part, vector.add(get(part), vector.load(memoryStart, layout.afterFirstBlock + i * vectorBytes))),
    ),
  ];
}

function storeHashes(): Code {
  const { state, target, words } = locals;
  return [0, 1].flatMap((half) => [
    ...transpose(state.slice(half * lanes), words),
    ...words.flatMap((word, lane) => vector.store(get(target), lane * hashBytes + half * vectorBytes, bigEndian(word))),
  ]);
}

function startRounds(): Code {
  const { done, state, aAndB } = locals;
  return [...set(done, i32.of(0)), ...set(aAndB[1], vector.xor(get(state[1] ?? 0), get(state[2] ?? 0)))];
}

function nextRounds(): Code {
  return set(locals.done, i32.add(get(locals.done), i32.of(repetitionBytes)));
}

/**
 * One round; `constantAndWord` is the sum of both. Instead of moving a to b, b to c and so on, the letters move: after eight
 * rounds each stands for its first local again.
 */
function round(i: number, constantAndWord: Code): Code {
  const { sum, aAndB } = locals;
  const letter = (n: number): Local => locals.state[(n - i + rounds) % 8] ?? 0;
  const [a, b, d, e] = [letter(0), letter(1), letter(3), letter(4)];
  const [f, g, h] = [letter(5), letter(6), letter(7)];
  // a ^ b of this round is b ^ c of the next.
  const [now, before] = i % 2 === 0 ? aAndB : [aAndB[1], aAndB[0]];
  const s1 = xor(rotateRight(e, 6), rotateRight(e, 11), rotateRight(e, 25));
  const s0 = xor(rotateRight(a, 2), rotateRight(a, 13), rotateRight(a, 22));
  const choice = vector.select(get(f), get(g), get(e));
  const majority = vector.xor(get(b), vector.and(get(now), get(before)));
  return [
    ...set(sum, vector.add(vector.add(get(h), constantAndWord), vector.add(s1, choice))),
    ...set(d, vector.add(get(d), get(sum))),
    ...set(now, vector.xor(get(a), get(b))),
    ...set(h, vector.add(get(sum), vector.add(s0, majority))),
  ];
}

/** From four vectors with the words of one lane each to four with one word of all lanes each, or back. */
function transpose([a = 0, b = 0, c = 0, d = 0]: readonly Local[], into: readonly Local[]): Code {
  const [ab0, cd0, ab1, cd1] = locals.spare;
  const pick = (x: Local, y: Local, ...words: number[]): Code =>
    vector.pickBytes(
      get(x),
      get(y),
      words.flatMap((word) => [0, 1, 2, 3].map((byte) => word * wordBytes + byte)),
    );
  const [w = 0, x = 0, y = 0, z = 0] = into;
  return [
    ...set(ab0, pick(a, b, 0, 4, 1, 5)),
    ...set(cd0, pick(c, d, 0, 4, 1, 5)),
    ...set(ab1, pick(a, b, 2, 6, 3, 7)),
    ...set(cd1, pick(c, d, 2, 6, 3, 7)),
    ...set(w, pick(ab0, cd0, 0, 1, 4, 5)),
    ...set(x, pick(ab0, cd0, 2, 3, 6, 7)),
    ...set(y, pick(ab1, cd1, 0, 1, 4, 5)),
    ...set(z, pick(ab1, cd1, 2, 3, 6, 7)),
  ];
}

/** The words of SHA-256 are big-endian, those of vectors little-endian. */
function bigEndian(word: Local): Code {
  return vector.pickBytes(get(word), get(word), [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12]);
}

function rotateRight(word: Local, bits: number): Code {
  return vector.or(vector.shiftRight(get(word), bits), vector.shiftLeft(get(word), 32 - bits));
}

function xor(a: Code, b: Code, c: Code): Code {
  return vector.xor(vector.xor(a, b), c);
}

/** Where the word of round `i` lies, and of every sixteenth round after it. */
function scheduled(i: number): number {
  return layout.schedule + (i % roundsAtOnce) * vectorBytes;
}
