import type { SiteId, SlotState } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { type Checkpoint, checkpointFrom, checkpointTo, readCheckpoint, resumeFrom } from '../checkpoint.ts';
import type { Policies } from '../policy.ts';
import { readRole } from '../role.ts';
import type { Hello, Target, TargetSession } from '../target.ts';
import { covers, type Vector } from '../vector.ts';
import { offerAside } from './aside.ts';
import type { Course } from './course.ts';
import type { Deadlines } from './deadlines.ts';
import { rememberSite } from './lacking.ts';
import { Link } from './link.ts';
import { type DatabaseTally, Sender } from './sender.ts';
import { takenOver } from './source-note.ts';
import { countToDo, Tail } from './tail.ts';

export interface SessionPlan {
  /** Of this replicator process. */
  readonly session: string;
  readonly databases: readonly DatabaseName[];
  readonly direction: 'one-way' | 'two-way';
  readonly policies: Policies;
  readonly adopt: boolean;
  /** Of the destination, once it has answered. */
  site: SiteId | undefined;
  /** Of the source's role when the last session began. */
  epoch: number;
  readonly tallies: ReadonlyMap<DatabaseName, DatabaseTally>;
  /** With `once`: what is to be reached, noted when the first session begins. */
  readonly goals: Map<DatabaseName, Vector> | null;
  /** Databases whose note at the source says that this very process began. */
  readonly begun: Set<DatabaseName>;
  /** Begin from nothing, whatever the checkpoints say; taken back once that is noted. */
  readonly reseed: Set<DatabaseName>;
}

/** A session with a destination: all its databases, each with its own loop. */
export interface Session {
  readonly link: Link;
  readonly tails: readonly Tail[];
  readonly senders: readonly Sender[];
  /** Resolves when all tails have come to their end; what went wrong is in `link.failure`. */
  readonly done: Promise<void>;
}

/**
 * Is admitted by the destination, finds out where to go on, and notes at the source that this session began. Throws what
 * the destination refuses with, REPLICATION_TAKEN_OVER, REPLICATION_STUCK and the codes of both ends.
 */
export async function beginSession(
  course: Course,
  plan: SessionPlan,
  target: Target,
  deadlines: Deadlines,
): Promise<Session> {
  const hello = await greeting(course, plan, deadlines);
  const connecting = target.connect(hello);
  // Admitted too late, it must not keep the right to write.
  const admitted = await deadlines.limit(connecting, 'the destination to admit this sender').catch((error: unknown) => {
    connecting.then((late) => late.close()).catch(() => {});
    throw error;
  });
  try {
    if (course.faults) await course.faults.at('connected');
    const { site } = admitted.info;
    if (site !== plan.site) {
      await deadlines.limit(rememberSite(course.source.control, course.name, site), 'the source to write a note');
      plan.site = site;
    }
    const link = new Link(course, admitted, deadlines);
    const lines = await Promise.all(plan.databases.map((name) => beginDatabase(link, plan, name)));
    if (course.faults) await course.faults.at('session-noted');
    const done = Promise.all(lines.map((line) => runLine(link, line))).then(() => {});
    return { link, tails: lines.map(({ tail }) => tail), senders: lines.map(({ sender }) => sender), done };
  } catch (error) {
    admitted.close().catch(() => {});
    throw error;
  }
}

interface Line {
  readonly name: DatabaseName;
  readonly tail: Tail;
  readonly sender: Sender;
  readonly tally: DatabaseTally;
}

async function runLine(link: Link, { name, tail, sender, tally }: Line): Promise<void> {
  try {
    tally.aside = await offerAside(link, name, sender);
    await tail.run();
  } catch (error) {
    link.fail(error);
  }
}

async function greeting(course: Course, plan: SessionPlan, deadlines: Deadlines): Promise<Hello> {
  const { source } = course;
  const reading = readRole(source.control);
  const { epoch, only, role, primary } = await deadlines.limit(reading, 'the source to tell its role');
  plan.epoch = epoch;
  const { session, direction, databases, policies, adopt } = plan;
  let docsToDo = 0;
  // Later it is known already: `total` of what was counted when the first session began.
  for (const name of databases) docsToDo += plan.tallies.get(name)?.progress.total ?? 0;
  if (plan.begun.size === 0) docsToDo = await countDocuments(course, databases, deadlines);
  const { site } = source;
  const follows = role === 'replica' ? primary : null;
  return {
    ...{ session, site, epoch, direction, databases, policies, adopt, docsToDo },
    ...(only && { only, fromOnly: await checkpointsFrom(only, course, databases, deadlines) }),
    ...(follows && { follows }),
  };
}

async function checkpointsFrom(
  site: SiteId,
  { source: { control } }: Course,
  databases: readonly DatabaseName[],
  deadlines: Deadlines,
): Promise<NonNullable<Hello['fromOnly']>> {
  const reading = databases.map(async (name) => [name, await readCheckpoint(control, checkpointFrom(site, name))]);
  return Object.fromEntries(await deadlines.limit(Promise.all(reading), 'the source to read its checkpoints'));
}

async function countDocuments(
  course: Course,
  databases: readonly DatabaseName[],
  deadlines: Deadlines,
): Promise<number> {
  const counts = databases.map((name) => course.source.database(name).count());
  const all = await deadlines.limit(Promise.all(counts), 'the source to count its documents');
  return all.reduce((sum, count) => sum + count, 0);
}

async function beginDatabase(link: Link, plan: SessionPlan, name: DatabaseName): Promise<Line> {
  const { course, deadlines, target } = link;
  const database = course.source.database(name);
  const destination = target.info.site;
  const tally = plan.tallies.get(name);
  if (!tally) throw new TypeError(`no tally of ${name}`);
  const slots = await deadlines.limit(database.changes.slots(), `the source to list slots of ${name}`);
  const atSource = await readSourceNote(link, plan, name);
  const atDestination = target.checkpoints[name] ?? null;
  const isReseed = plan.reseed.has(name);
  const start = (isReseed ? null : resumeFrom(atDestination, atSource.checkpoint)) ?? {};
  // What the destination wrote itself and may have lost since lies before this.
  const seed = numberedOf(slots);
  if (plan.goals && !plan.goals.has(name)) plan.goals.set(name, stableOf(slots));
  await countToDo(link, database, tally, slots, start);
  const sender = new Sender({
    ...{ link, session: plan.session, destination, database: name, tally, vector: start, seed },
    ...{ atDestination, atSource },
  });
  // Where the destination has lost something, the old note must not come back with power: by then what it says may lie
  // below what the destination says, and mean another state of this store.
  const isSetBack = atSource.checkpoint !== null && !covers(start, atSource.checkpoint.vector);
  await sender.note.save(isSetBack ? 'sync' : 'lazy');
  plan.begun.add(name);
  plan.reseed.delete(name);
  const ownAfter = plan.direction === 'two-way' ? { site: destination, seed } : null;
  const goal = plan.goals?.get(name) ?? null;
  return { name, sender, tally, tail: new Tail({ link, database, sender, tally, start, ownAfter, goal }) };
}

/** The newest replicator of a pair works: one that had begun, and finds the note of another, stops. */
async function readSourceNote(
  link: Link,
  plan: SessionPlan,
  name: DatabaseName,
): Promise<{ checkpoint: Checkpoint | null; rev: number }> {
  const id = checkpointTo(link.target.info.site, name);
  const note = await link.deadlines.limit(link.course.source.control.get(id), 'the source to read a checkpoint');
  const checkpoint = (note?.value as Checkpoint | undefined) ?? null;
  if (checkpoint && checkpoint.session !== plan.session && plan.begun.has(name)) throw takenOver(id);
  return { checkpoint, rev: note?.rev ?? 0 };
}

function stableOf(slots: readonly SlotState[]): Vector {
  return Object.fromEntries(slots.filter(({ stable }) => stable > 0).map(({ slot, stable }) => [slot, stable]));
}

/** Beyond stable there may be documents already that nobody has published yet, or are just being written. */
function numberedOf(slots: readonly SlotState[]): Vector {
  return stableOf(slots.map((slot) => ({ ...slot, stable: slot.stable + slot.window })));
}

/** An abort with a reason of its own is cheaper than one with an exception. */
const CLOSED = 'closed';

/** Closes what the destination keeps open for this sender; not waited for longer than `ms`. */
export async function closeWithin(ms: number, course: Course, closing: TargetSession | Target): Promise<void> {
  const late = new AbortController();
  const closed = closing.close().then(
    () => late.abort(CLOSED),
    () => late.abort(CLOSED),
  );
  await Promise.race([closed, course.runtime.sleep(ms, late.signal)]);
}
