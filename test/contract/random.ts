/** A seeded source of chance (mulberry32): the same seed makes the same decisions. */
export interface Random {
  /** 0 <= x < 1. */
  next(): number;
  /** 0 <= x < limit. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
  };
}

/** `FEEDFERRY_TEST_SEED`, or one of the moment. */
export function testSeed(): number {
  return Number(process.env.FEEDFERRY_TEST_SEED ?? Date.now() % 2 ** 31);
}

/** `FEEDFERRY_TEST_SCHEDULES`, or what a suite runs by default. */
export function testSchedules(byDefault: number): number {
  return Number(process.env.FEEDFERRY_TEST_SCHEDULES ?? byDefault);
}
