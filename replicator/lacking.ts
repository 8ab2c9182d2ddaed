import type { Clock } from '../store/contract.ts';
import type { Deadlines } from './deadlines.ts';
import type { ReplicatedStore } from './replicated-store.ts';
import type { Session, SessionPlan } from './session.ts';
import { countToDo } from './tail.ts';
import { positionIn } from './vector.ts';

/** A session has ended: what its destination does not have, it lacks from now on. */
export function noteWhatIsLacking({ senders, tails }: Session, plan: SessionPlan): void {
  for (const [i, sender] of senders.entries()) {
    const tally = plan.tallies.get(sender.database);
    if (!tally) continue;
    tally.lastVector = sender.prefix.vector;
    tally.lacksSince = sender.prefix.oldestWrittenAt() ?? tails[i]?.behindSince ?? undefined;
  }
}

/** Without a session: what has come since the last one ended. Throws what the source throws. */
export async function lookForChanges(
  source: ReplicatedStore,
  plan: SessionPlan,
  deadlines: Deadlines,
  clock: Clock,
): Promise<void> {
  for (const [name, tally] of plan.tallies) {
    const { lastVector } = tally;
    if (lastVector === undefined) continue;
    const database = source.database(name);
    const slots = await deadlines.limit(database.changes.slots(), `the source to list slots of ${name}`);
    tally.progress.grown(slots.reduce((sum, { stable }) => sum + stable, 0));
    if (tally.progress.isVague) await countToDo({ deadlines }, database, tally, slots, lastVector);
    const lacks = slots.some(({ slot, stable }) => stable > positionIn(lastVector, slot));
    if (lacks) tally.lacksSince ??= clock();
  }
}
