/**
 * The replicator of `serve`, in a thread with a connection to the store of its own: reading, packing and sending a backlog
 * holds up neither readers' pages nor the crawler.
 */
import { hostname } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { foregroundOf, letOthersGoFirst } from '../replicator/foreground.ts';
import { openTarget } from '../replicator/open-target.ts';
import { startReplicator } from '../replicator/replicator.ts';
import { realRuntime } from '../replicator/runtime.ts';
import { RequestsUnderWay } from '../replicator/stand-aside.ts';
import type { DestinationStatus } from '../replicator/status.ts';
import { codeOf } from '../store/errors.ts';
import { openStore } from '../store/open.ts';
import { targetAccess } from './target-access.ts';

export interface ReplicationThreadData {
  readonly store: string;
  readonly cwd: string;
  /** Of `RequestsUnderWay`: what the thread that serves readers answers now. */
  readonly requests: Int32Array<SharedArrayBuffer>;
}

export type FromReplication =
  | { readonly kind: 'ready' }
  | { readonly kind: 'state'; readonly status: DestinationStatus }
  | { readonly kind: 'statuses'; readonly statuses: readonly DestinationStatus[] }
  | { readonly kind: 'trouble'; readonly code: string; readonly message: string };

export type ToReplication = { readonly kind: 'stop' };

/** How often the statuses are told, in ms. */
const TELL_MS = 1000;

const { store: url, cwd, requests } = workerData as ReplicationThreadData;

function tell(message: FromReplication): void {
  parentPort?.postMessage(message);
}

letOthersGoFirst();
const foreground = foregroundOf(process.pid, new RequestsUnderWay(requests));
const runtime = { ...realRuntime, foreground };
const store = await openStore(url, { mustExist: true });
const replicator = startReplicator({
  ...{ source: store, runtime, process: { pid: process.pid, host: hostname() } },
  open: async (config) => openTarget(config.to, { ...(await targetAccess(config, cwd)), runtime }),
  onState: (status) => tell({ kind: 'state', status }),
  onTrouble: (error) => tell({ kind: 'trouble', code: codeOf(error), message: (error as Error).message }),
});
const telling = setInterval(() => tell({ kind: 'statuses', statuses: replicator.status() }), TELL_MS);
parentPort?.on('message', async (message: ToReplication) => {
  if (message.kind !== 'stop') return;
  clearInterval(telling);
  await replicator.stop();
  await store.close();
  parentPort?.close();
});
tell({ kind: 'ready' });
