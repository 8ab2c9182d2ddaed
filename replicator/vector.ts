/** How far a tailer has come in each slot of one database: `{slot: n}`. No entry means 0. */
export type Vector = Readonly<Record<string, number>>;

export function positionIn(vector: Vector, slot: number): number {
  return vector[slot] ?? 0;
}

export function advanced(vector: Vector, slot: number, n: number): Vector {
  return n > positionIn(vector, slot) ? { ...vector, [slot]: n } : vector;
}

/** Of each slot the smaller position: what both have. */
export function meet(a: Vector, b: Vector): Vector {
  const both: Record<string, number> = {};
  for (const [slot, n] of Object.entries(a)) {
    const m = Math.min(n, b[slot] ?? 0);
    if (m > 0) both[slot] = m;
  }
  return both;
}

/** Whether `a` is nowhere behind `b`. */
export function covers(a: Vector, b: Vector): boolean {
  return Object.entries(b).every(([slot, n]) => (a[slot] ?? 0) >= n);
}
