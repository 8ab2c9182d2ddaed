/** What happens to the crawler during the play, and when. Pure. */
import { between, randomFor } from '../feed-world/random.ts';
import type { Stage } from './stage.ts';

export type Incident = { readonly at: number } & (
  | { readonly kind: 'restart' }
  /** In the middle of a fetch. */
  | { readonly kind: 'kill' }
  /** When a body has arrived and nothing of it is stored. */
  | { readonly kind: 'kill-after-answer' }
  /** Half of all feeds come at once. */
  | { readonly kind: 'import' }
  /** The last reader of these leaves. */
  | { readonly kind: 'unfollow'; readonly publishers: readonly number[] }
  /** A reader who presses "refresh" for each of these. */
  | { readonly kind: 'refresh'; readonly publishers: readonly number[] }
);

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MINUTE_MS = 60_000;
/** Of the feeds that were there first, these lose their last reader, after this part of the play. */
const LEFT_EVERY = 6;
const LEFT_AFTER = 0.4;

/** In order. Every fourth day is that of an impatient reader, and so is the last hour of some nights. */
export function plannedIncidents(stage: Stage): Incident[] {
  const { options, publishers } = stage;
  const random = randomFor(options.seed, 'incidents');
  const left = publishers.filter(({ index, late }) => !late && index % LEFT_EVERY === 0).map(({ index }) => index);
  const found: Incident[] = [
    { kind: 'import', at: stage.middleMs },
    { kind: 'unfollow', at: options.startMs + options.days * LEFT_AFTER * DAY_MS, publishers: left },
  ];
  for (let day = 0; day < options.days; day += 1) {
    const midnight = options.startMs + day * DAY_MS;
    const at = (hour: number) => midnight + hour * HOUR_MS + between(random, 0, 59) * MINUTE_MS;
    found.push({ kind: day % 2 === 0 ? 'restart' : 'kill', at: at(between(random, 2, 10)) });
    if (day % 3 === 1) found.push({ kind: 'kill-after-answer', at: at(between(random, 11, 20)) });
    // Twice, one shortly after the other: a machine that was rebooted for its updates.
    if (day % 5 === 2) found.push({ kind: 'restart', at: at(12) }, { kind: 'restart', at: at(12) });
    if (day % 4 !== 1) continue;
    const picked = publishers.filter(() => random() < 0.5).map(({ index }) => index);
    for (let press = 0; press < 60; press += 1) {
      found.push({ kind: 'refresh', at: at(6) + press * 2 * MINUTE_MS, publishers: picked });
    }
  }
  return found.sort((a, b) => a.at - b.at);
}
