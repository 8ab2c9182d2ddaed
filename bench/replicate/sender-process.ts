/** A process that keeps one destination supplied, and tells its status on standard output. `sender-process.ts JSON` */
import { setTimeout as delay } from 'node:timers/promises';
import { letOthersGoFirst } from '../../replicator/foreground.ts';
import { openTarget } from '../../replicator/open-target.ts';
import { DEFAULT_POLICIES } from '../../replicator/policy.ts';
import { realRuntime } from '../../replicator/runtime.ts';
import { startDestination } from '../../replicator/sending/destination.ts';
import { DEFAULT_LIMITS } from '../../replicator/sending/limits.ts';
import type { Target } from '../../replicator/target.ts';
import { DATABASE_NAMES } from '../../store/documents.ts';
import { openStore } from '../../store/open.ts';

export interface Sending {
  readonly from: string;
  readonly to: string;
  /** The destination admits the sender and never answers again. */
  readonly isBlackHole: boolean;
}

const TELL_MS = 100;

const { from, to, isBlackHole } = JSON.parse(process.argv[2] ?? '') as Sending;
letOthersGoFirst();
await using source = await openStore(from, { mustExist: true });
const destination = startDestination({
  ...{ name: 'bench', source, open, databases: DATABASE_NAMES, direction: 'one-way', policies: DEFAULT_POLICIES },
  ...{ adopt: false, limits: DEFAULT_LIMITS, runtime: realRuntime, once: false },
});
process.on('SIGTERM', () => void destination.stop());
let isStopped = false;
const ended = destination.ended.then((summary) => {
  isStopped = true;
  process.stdout.write(`${JSON.stringify({ summary })}\n`);
});
while (!isStopped) {
  process.stdout.write(`${JSON.stringify({ status: destination.status() })}\n`);
  await delay(TELL_MS);
}
await ended;

async function open(): Promise<Target> {
  const target = await openTarget(to, { runtime: realRuntime });
  if (!isBlackHole) return target;
  return {
    ...target,
    async connect(hello) {
      const session = await target.connect(hello);
      return {
        ...{ info: session.info, checkpoints: session.checkpoints, push: () => new Promise(() => {}) },
        close: () => session.close(),
        [Symbol.asyncDispose]: () => session.close(),
      };
    },
  };
}
