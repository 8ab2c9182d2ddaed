import { listed, lookAt, type Seen, type Sides } from './look.ts';
import type { ProgressOf } from './progress.ts';
import type { Side } from './report.ts';
import { hasSameWords } from './standing.ts';

interface Hashing {
  readonly docs: Readonly<Record<Side, number>>;
  readonly signal: AbortSignal | undefined;
  readonly take: (sure: readonly Seen[]) => Promise<void>;
  readonly tell: ProgressOf;
}

/** Hashes all bodies of both sides at the same time. Returns how many. */
export async function hashAll(sides: Sides, { docs, signal, take, tell }: Hashing): Promise<number> {
  const total = docs.source + docs.destination;
  let done = 0;
  let taking: Promise<void> = Promise.resolve();
  const hashSide = async (side: Side): Promise<void> => {
    for await (const page of listed(sides[side], { deep: true })) {
      signal?.throwIfAborted();
      const unsound = page.filter(({ sound }) => sound === false).map(({ id }) => id);
      if (unsound.length > 0) {
        const seen = await lookAt(sides, unsound, true);
        const found = seen.filter((one) => isNews(one, side));
        // One after the other: what is found is counted and repaired in groups.
        taking = taking.then(() => take(found));
        await taking;
      }
      done += page.length;
      tell('hashing', done, total);
    }
  };
  await Promise.all([hashSide('source'), hashSide('destination')]);
  return done;
}

/** What the comparison of buckets did not find already, and the other side's hashing does not find either. */
function isNews({ source, destination, standing }: Seen, side: Side): boolean {
  if (source?.sound === false) {
    if (side === 'destination') return false;
    return standing === 'in-flight' || isHidden(source, destination);
  }
  return destination?.sound === false && isHidden(source, destination);
}

/** Sums can't tell these two apart. */
function isHidden(source: Seen['source'], destination: Seen['destination']): boolean {
  return source !== null && destination !== null && source.ver === destination.ver && hasSameWords(source, destination);
}
