/** The numbers of SHA-256 (FIPS 180-4, sections 4.2.2 and 5.3.3), from their definition: fractions of roots of the first primes. */
const primes = Array.from({ length: 312 }, (_, i) => i).filter(isPrime);

/** The first 32 bits of the fractions of the cube roots of the first 64 primes. */
export const roundConstants = Uint32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));

/** The first 32 bits of the fractions of the square roots of the first 8 primes. */
export const initialState = Uint32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

/** The 64 words that a block's first 16 are stretched to, one for each round (section 6.2.2, step 1). */
export function messageSchedule(block: Uint32Array): Uint32Array {
  const words = new Uint32Array(roundConstants.length);
  words.set(block);
  const at = (i: number): number => words[i] ?? 0;
  for (let t = block.length; t < words.length; t++) {
    const near = at(t - 2);
    const far = at(t - 15);
    const s1 = rotateRight(near, 17) ^ rotateRight(near, 19) ^ (near >>> 10);
    const s0 = rotateRight(far, 7) ^ rotateRight(far, 18) ^ (far >>> 3);
    words[t] = s1 + at(t - 7) + s0 + at(t - 16);
  }
  return words;
}

function rotateRight(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function fraction(root: number): number {
  return Math.floor((root % 1) * 2 ** 32);
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return value > 1;
}
