/** A stream of numbers in [0, 1), the same for the same seed and labels on every machine. */
export type Random = () => number;

/**
 * sfc32 (Chris Doty-Humphrey's PractRand), seeded by a hash of the seed and the labels. Naming the stream by what it is
 * for (`feed 7`, `entry 12`) makes every part of the world independent of the order in which parts are made.
 */
export function randomFor(seed: number, ...labels: readonly (string | number)[]): Random {
  let [a, b, c, d] = hash128(`${seed}/${labels.join('/')}`);
  return () => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
}

/** A whole number from `low` to `high`, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

export function chance(random: Random, probability: number): boolean {
  return random() < probability;
}

export function pick<T>(random: Random, list: readonly [T, ...T[]] | readonly T[]): T {
  const item = list[Math.floor(random() * list.length)];
  if (item === undefined) throw new RangeError('there is nothing to pick from');
  return item;
}

/** Fisher and Yates; a new list. */
export function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

/** Four mixed words of the text: MurmurHash3's multipliers, one lane each, stirred together at the end. */
function hash128(text: string): [number, number, number, number] {
  let a = 0x3c074a61;
  let b = 0x7fcd5c9b;
  let c = 0x16b1f2e3;
  let d = 0x5bd1e995;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    a = b ^ Math.imul(a ^ code, 0x239b961b);
    b = c ^ Math.imul(b ^ code, 0xab0e9789);
    c = d ^ Math.imul(c ^ code, 0x38b34ae5);
    d = a ^ Math.imul(d ^ code, 0xa1e38b93);
  }
  a = Math.imul(c ^ (a >>> 18), 0x239b961b);
  b = Math.imul(d ^ (b >>> 22), 0xab0e9789);
  c = Math.imul(a ^ (c >>> 17), 0x38b34ae5);
  d = Math.imul(b ^ (d >>> 19), 0xa1e38b93);
  return [a ^ b ^ c ^ d, b ^ a, c ^ a, d ^ a];
}
