import type { Clock, Control, SiteId } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { checkpointTo, readCheckpoint } from '../checkpoint.ts';
import { siteNote } from '../notes.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import { positionIn, type Vector } from '../vector.ts';
import type { Deadlines } from './deadlines.ts';
import type { DatabaseTally } from './sender.ts';
import type { Session, SessionPlan } from './session.ts';
import { countToDo } from './tail.ts';

export async function rememberSite(control: Control, destination: string, site: SiteId): Promise<void> {
  await control.put(siteNote(destination), site, undefined, 'lazy');
}

/** Undefined: it never answered. */
export async function recallSite(control: Control, destination: string): Promise<SiteId | undefined> {
  return (await control.get(siteNote(destination)))?.value as SiteId | undefined;
}

/** A session has ended: what its destination does not have, it lacks from now on. */
export function noteWhatIsLacking({ senders, tails }: Session, plan: SessionPlan): void {
  for (const [i, sender] of senders.entries()) {
    const tally = plan.tallies.get(sender.database);
    if (!tally) continue;
    tally.lastVector = sender.prefix.vector;
    tally.lacksSince = sender.prefix.oldestWrittenAt() ?? tails[i]?.behindSince ?? undefined;
  }
}

/** Without a session: what has come since the last one ended, of this process or one before. Throws what the source throws. */
export async function lookForChanges(
  { name: destination, source }: { readonly name: string; readonly source: ReplicatedStore },
  plan: SessionPlan,
  deadlines: Deadlines,
  clock: Clock,
): Promise<void> {
  for (const [name, tally] of plan.tallies) {
    const database = source.database(name);
    const slots = await deadlines.limit(database.changes.slots(), `the source to list slots of ${name}`);
    const last = tally.lastVector ?? (await recall(source.control, destination, name, tally, deadlines));
    tally.progress.grown(slots.reduce((sum, { stable }) => sum + stable, 0));
    if (tally.progress.isVague) await countToDo({ deadlines }, database, tally, slots, last);
    const lacks = slots.some(({ slot, stable }) => stable > positionIn(last, slot));
    tally.lacksSince = lacks ? (tally.lacksSince ?? clock()) : undefined;
  }
}

/** From the notes of an earlier process. What the destination lacks was written after its last checkpoint. */
async function recall(
  control: Control,
  destination: string,
  name: DatabaseName,
  tally: DatabaseTally,
  deadlines: Deadlines,
): Promise<Vector> {
  const site = await deadlines.limit(recallSite(control, destination), 'the source to read a note');
  const reading = site === undefined ? null : readCheckpoint(control, checkpointTo(site, name));
  const checkpoint = reading && (await deadlines.limit(reading, 'the source to read a checkpoint'));
  tally.lastVector = checkpoint?.vector ?? {};
  if (checkpoint) tally.lacksSince = checkpoint.at;
  return tally.lastVector;
}
