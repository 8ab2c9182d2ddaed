/** Where subscriptions are kept: one note of `control` for each feed, local to this site, changed by compare-and-set. */
import type { Control, Durability } from '../../store/contract.ts';
import { storeError } from '../../store/errors.ts';
import type { FeedSubscription } from './subscription.ts';
import { offered } from './subscription-events.ts';

/** Before the feed's id. Jobs in the queue are called the same. */
export const NOTE_PREFIX = 'websub.';

/** Attempts beside other processes that change the same note. */
const ATTEMPTS_MAX = 10;

export interface SubscriptionNote {
  readonly rev: number;
  readonly state: FeedSubscription;
}

export async function readNote(control: Control, feed: string): Promise<SubscriptionNote | undefined> {
  return noteOf(await control.get(NOTE_PREFIX + feed));
}

/** In the order of feeds, after the note with this feed. */
export async function listNotes(control: Control, after: string, limit: number): Promise<SubscriptionNote[]> {
  const page = await control.list(NOTE_PREFIX, { after: NOTE_PREFIX + after, limit });
  return page.flatMap((note) => noteOf(note) ?? []);
}

/** What somebody else may have written is no subscription unless it looks like one. */
function noteOf(note: { rev: number; value: unknown } | undefined): SubscriptionNote | undefined {
  const state = note?.value as FeedSubscription | null | undefined;
  if (note === undefined || typeof state?.feed !== 'string' || !Array.isArray(state.leaving)) return undefined;
  return { rev: note.rev, state };
}

/** `ifRev`: 0 where there was none. False: somebody else has changed it. */
export async function writeNote(
  control: Control,
  state: FeedSubscription,
  ifRev: number,
  durability: Durability = 'sync',
): Promise<boolean> {
  return (await control.put(NOTE_PREFIX + state.feed, state, ifRev, durability)) !== null;
}

/**
 * Changes what is there (undefined: nothing is) to what `change` returns, however often others come between; undefined, or
 * the same: it stays. Returns what is there then. Throws EDIT_CONTENDED and what the store throws.
 */
export async function changeNote(
  control: Control,
  feed: string,
  change: (state: FeedSubscription | undefined) => FeedSubscription | undefined,
  durability: Durability = 'sync',
): Promise<FeedSubscription | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const note = await readNote(control, feed);
    const state = change(note?.state);
    if (state === undefined || state === note?.state) return note?.state;
    if (await writeNote(control, state, note?.rev ?? 0, durability)) return state;
  }
  throw storeError('EDIT_CONTENDED', `The subscription of feed ${feed} was changed by others all the time`, {
    input: feed,
    retryable: true,
  });
}

export async function forgetNote(control: Control, feed: string): Promise<void> {
  await control.delete(NOTE_PREFIX + feed);
}

/** The feed is being removed: its hub is told by whichever crawler runs next. */
export async function leaveHubs(control: Control, feed: string): Promise<void> {
  // Whether its lease has run out already is seen then.
  await changeNote(control, feed, (state) => state && offered(state, null, { now: 0, random: () => 0 }));
}
