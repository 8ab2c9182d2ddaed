/**
 * A process that keeps one store supplied from another: `replicating.ts FROM TO PLAN`. File descriptor 3 is its log, a
 * line of JSON for each batch before it is sent. It says its states on standard output, and how it ended.
 */
import { writeSync } from 'node:fs';
import { openTarget } from '../../../replicator/open-target.ts';
import { DEFAULT_POLICIES } from '../../../replicator/policy.ts';
import { realRuntime as runtime } from '../../../replicator/runtime.ts';
import { startDestination } from '../../../replicator/sending/destination.ts';
import type { FaultPoint } from '../../../replicator/sending/failpoints.ts';
import { DEFAULT_LIMITS } from '../../../replicator/sending/limits.ts';
import type { Target } from '../../../replicator/target.ts';
import { DATABASE_NAMES } from '../../../store/documents.ts';
import { codeOf } from '../../../store/errors.ts';
import { openStore } from '../../../store/open.ts';

/** Where the process stops or kills itself, at the moment when it comes there for the `times`th time. */
export interface Plan {
  readonly point: FaultPoint | 'never';
  readonly times: number;
  /** Counts only once every database has caught up. */
  readonly isTailing: boolean;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
  readonly once: boolean;
}

const LOG = 3;

const [from = '', to = '', plan = '{}'] = process.argv.slice(2);
const { point: wanted, times, isTailing, signal, once } = JSON.parse(plan) as Plan;
const say = (line: string) => void writeSync(1, `${line}\n`);

let left = times;
let behind = isTailing ? DATABASE_NAMES.length : 0;

function at(point: FaultPoint): void {
  if (point === 'caught-up') behind -= 1;
  if (behind > 0 || point !== wanted) return;
  left -= 1;
  if (left !== 0) return;
  say(`at ${point}`);
  process.kill(process.pid, signal);
}

/** Notes what is sent, before it is. */
function noting(target: Target): Target {
  return {
    ...target,
    async connect(hello) {
      const session = await target.connect(hello);
      return {
        ...{ info: session.info, checkpoints: session.checkpoints },
        push(push) {
          const sent = push.docs.map(({ id, ver }) => `${push.database}/${id}@${ver}`);
          if (sent.length > 0) writeSync(LOG, `${JSON.stringify(sent)}\n`);
          return session.push(push);
        },
        close: () => session.close(),
        [Symbol.asyncDispose]: () => session.close(),
      };
    },
  };
}

const source = await openStore(from);
let said = '';
const running = startDestination({
  ...{ name: 'b', source, databases: DATABASE_NAMES, direction: 'one-way', policies: DEFAULT_POLICIES, adopt: false },
  ...{ limits: DEFAULT_LIMITS, runtime, once, faults: { at } },
  open: async () => noting(await openTarget(to, { runtime })),
  onStatus({ state, docsToDo }) {
    const now = `${state} ${docsToDo}`;
    if (now !== said) say(now);
    said = now;
  },
});
process.stdin.once('end', () => void running.stop());
process.stdin.resume();
const ended = await running.ended.then(
  () => 'well',
  (error: unknown) => codeOf(error),
);
say(`ended ${ended}`);
await source.close();
process.exit(0);
