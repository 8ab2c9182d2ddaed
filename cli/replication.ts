import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { listDestinations } from '../replicator/configuration.ts';
import type { DestinationStatus } from '../replicator/status.ts';
import type { Control } from '../store/contract.ts';
import type { FromReplication, ReplicationThreadData, ToReplication } from './replication-thread.ts';

/** Whether there is a destination now is looked up this often. */
const LOOK_MS = 1000;
/** A thread that failed is started again after this time. */
const RESTART_MS = 5000;
/** Longest orderly end. */
const STOP_MS_MAX = 7000;

export interface Replication extends AsyncDisposable {
  /** As told last, at most a second ago. */
  statuses(): readonly DestinationStatus[];
}

/** Runs the replicator of `serve` in a thread, once there is a destination, and starts it again where it fails. */
export function startReplication(control: Control, data: ReplicationThreadData, log: Logger): Replication {
  const end = new AbortController();
  let worker: Worker | undefined;
  let statuses: readonly DestinationStatus[] = [];

  async function run(): Promise<void> {
    while (!end.signal.aborted) {
      if (!(await hasDestinations(control))) {
        await delay(LOOK_MS, undefined, { signal: end.signal }).catch(() => {});
        continue;
      }
      await new Promise<void>((resolve) => {
        worker = new Worker(threadFile(), { workerData: data });
        worker.on('message', (message: FromReplication) => {
          if (message.kind === 'statuses') statuses = message.statuses;
          else logMessage(log, message);
        });
        worker.on('error', (error) => log.error({ err: error }, 'Replication failed; it is started again'));
        worker.on('exit', () => resolve());
      });
      worker = undefined;
      await delay(RESTART_MS, undefined, { signal: end.signal }).catch(() => {});
    }
  }

  const running = run();
  return {
    statuses: () => statuses,
    async [Symbol.asyncDispose]() {
      end.abort();
      worker?.postMessage({ kind: 'stop' } satisfies ToReplication);
      const late = new AbortController();
      const tooLong = delay(STOP_MS_MAX, undefined, { signal: late.signal }).then(
        async () => void (await worker?.terminate()),
        () => {},
      );
      await running;
      late.abort();
      await tooLong;
    },
  };
}

/** A store that does not answer is asked again. */
async function hasDestinations(control: Control): Promise<boolean> {
  try {
    return (await listDestinations(control)).length > 0;
  } catch {
    return false;
  }
}

function logMessage(log: Logger, message: Exclude<FromReplication, { kind: 'statuses' }>): void {
  if (message.kind === 'trouble') {
    log.error({ code: message.code }, `Replication: ${message.message}`);
  } else if (message.kind === 'state') {
    const { name, state, why, lastError } = message.status;
    const about = { destination: name, state, ...(lastError && { code: lastError.code }) };
    if (state === 'waiting' || state === 'fenced') log.warn(about, `Replication to ${name}: ${why}`);
    else log.info(about, `Replication to ${name}: ${why || state}`);
  }
}

/** Compiled or not. */
function threadFile(): URL {
  return new URL(import.meta.url.replace(/replication\.([jt]s)$/, 'replication-thread.$1'));
}
