/** How far somebody has come in each slot of a change feed: `{slot: n}`; no entry means 0. Pure. */
export type Positions = Readonly<Record<string, number>>;

/** Slots that a text may name. */
const SLOTS_MAX = 200;
const TEXT = /^\d{1,9}\.[0-9a-z]{1,11}(?:-\d{1,9}\.[0-9a-z]{1,11})*$/;

/** Whether `a` is nowhere behind `b`. */
export function covers(a: Positions, b: Positions): boolean {
  return Object.entries(b).every(([slot, n]) => (a[slot] ?? 0) >= n);
}

/** Of each slot the greater position. */
export function join(a: Positions, b: Positions): Positions {
  const both: Record<string, number> = { ...a };
  for (const [slot, n] of Object.entries(b)) both[slot] = Math.max(both[slot] ?? 0, n);
  return both;
}

/** Of each slot the smaller position. */
export function meet(a: Positions, b: Positions): Positions {
  const both: Record<string, number> = {};
  for (const [slot, n] of Object.entries(a)) both[slot] = Math.min(n, b[slot] ?? 0);
  return both;
}

/** `1.2s-3.a`: slots in decimal, positions in base 36. */
export function positionsText(positions: Positions): string {
  return Object.entries(positions)
    .filter(([, n]) => n > 0)
    .map(([slot, n]) => `${slot}.${n.toString(36)}`)
    .join('-');
}

/** Null for what no `positionsText` made. */
export function positionsFrom(text: string): Positions | null {
  if (!TEXT.test(text)) return null;
  const entries = text.split('-').map((part) => part.split('.'));
  if (entries.length > SLOTS_MAX) return null;
  const read = entries.map(([slot = '', n = '']): [string, number] => [slot, Number.parseInt(n, 36)]);
  return read.every(([, n]) => Number.isSafeInteger(n)) ? Object.fromEntries(read) : null;
}
