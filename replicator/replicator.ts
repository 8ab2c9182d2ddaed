import { codeOf } from '../store/errors.ts';
import { type DestinationConfig, forgetStatus, listDestinations, readStatus } from './configuration.ts';
import type { ReplicatedStore } from './replicated-store.ts';
import type { Runtime } from './runtime.ts';
import type { RunningDestination } from './sending/destination.ts';
import { DEFAULT_LIMITS } from './sending/limits.ts';
import type { DestinationStatus } from './status.ts';
import { superviseDestination } from './supervisor.ts';
import type { Target } from './target.ts';

/** A destination that was added or removed is noticed within this time. */
const CONFIGURATION_POLL_MS = 1000;
/** Another replicator that took over is gone when it renewed its status no more for so long; then this one goes on. */
const TAKEN_OVER_QUIET_MS = 15_000;

export interface ReplicatorOptions {
  readonly source: ReplicatedStore;
  readonly runtime: Runtime;
  readonly open: (config: DestinationConfig) => Promise<Target>;
  readonly process: { readonly pid: number; readonly host: string };
  /** A destination's state changed, for logs. */
  readonly onState?: (status: DestinationStatus) => void;
  /** The notes of destinations, wishes or statuses could not be read or written. */
  readonly onTrouble?: (error: unknown) => void;
}

export interface RunningReplicator extends AsyncDisposable {
  status(): DestinationStatus[];
  /** Lets each destination finish what is under way, and saves how far they came. */
  stop(): Promise<void>;
}

interface Held {
  /** The configuration that it was begun with. */
  readonly text: string;
  readonly destination: RunningDestination;
  /** Another replicator took over: when that one told its status last, and since when that did not change. */
  elsewhere: { readonly at: number | undefined; readonly since: number } | null;
}

/**
 * Keeps all configured destinations of a site supplied, each by itself. One that is added begins, one that is removed
 * ends, and one whose configuration changed begins again; the others do not notice. One that another replicator took over
 * (`replicate --once`, a second `serve`) begins again when that one is gone.
 */
export function startReplicator(options: ReplicatorOptions): RunningReplicator {
  const { source, runtime, onTrouble } = options;
  const running = new Map<string, Held>();
  const end = new AbortController();

  async function adjust(): Promise<void> {
    const configs = new Map((await listDestinations(source.control)).map((config) => [config.name, config]));
    for (const [name, held] of running) {
      const config = configs.get(name);
      if (config !== undefined && JSON.stringify(config) === held.text && !(await isAbandoned(name, held))) continue;
      await held.destination.stop();
      running.delete(name);
      // It told its last state after the destination was removed.
      if (config === undefined) await forgetStatus(source.control, name);
    }
    for (const [name, config] of configs) {
      if (running.has(name) || end.signal.aborted) continue;
      const held: Held = { text: JSON.stringify(config), destination: begin(options, config), elsewhere: null };
      running.set(name, held);
      held.destination.ended.catch((error: unknown) => {
        if (codeOf(error) === 'REPLICATION_TAKEN_OVER') held.elsewhere = { at: undefined, since: runtime.elapsed() };
      });
    }
  }

  /** By changes of what the other one tells and this site's own clock: clocks of two machines may differ. */
  async function isAbandoned(name: string, held: Held): Promise<boolean> {
    if (held.elsewhere === null) return false;
    const at = (await readStatus(source.control, name))?.at;
    const now = runtime.elapsed();
    if (at !== held.elsewhere.at) held.elsewhere = { at, since: now };
    return now - held.elsewhere.since >= TAKEN_OVER_QUIET_MS;
  }

  async function watch(): Promise<void> {
    while (!end.signal.aborted) {
      await adjust().catch((error: unknown) => onTrouble?.(error));
      await runtime.sleep(CONFIGURATION_POLL_MS, end.signal);
    }
    await Promise.all([...running.values()].map(({ destination }) => destination.stop()));
  }

  const watching = watch();
  const stop = async (): Promise<void> => {
    end.abort();
    await watching;
  };
  const status = (): DestinationStatus[] => [...running.values()].map(({ destination }) => destination.status());
  return { status, stop, [Symbol.asyncDispose]: stop };
}

function begin(options: ReplicatorOptions, config: DestinationConfig): RunningDestination {
  let state = '';
  const destination = superviseDestination({
    ...{ config, source: options.source, runtime: options.runtime, process: options.process },
    ...{ open: () => options.open(config), adopt: config.adopt, once: false },
    limits: { ...DEFAULT_LIMITS, ...config.limits },
    ...(options.onTrouble && { onTrouble: options.onTrouble }),
    onStatus: (status) => {
      const now = `${status.state} ${status.lastError?.code ?? ''}`;
      if (now === state) return;
      state = now;
      options.onState?.(status);
    },
  });
  destination.ended.catch((error: unknown) => options.onTrouble?.(error));
  return destination;
}
