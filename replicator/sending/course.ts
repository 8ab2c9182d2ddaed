import type { SiteId } from '../../store/contract.ts';
import type { ReplicatedStore } from '../replicated-store.ts';
import type { Runtime } from '../runtime.ts';
import type { Limits } from '../status.ts';
import type { ReplicationFaults } from './failpoints.ts';
import { Lag } from './lag.ts';
import { withLimits } from './limits.ts';
import { newMetrics, type ReplicationMetrics } from './metrics.ts';
import { Progress } from './progress.ts';
import type { DatabaseTally } from './sender.ts';
import { Pace, TokenBucket } from './throttle.ts';
import { GiveWay } from './throttle-foreground.ts';

/** What stays the same over all sessions with one destination. */
export interface Course {
  readonly name: string;
  readonly source: ReplicatedStore;
  readonly runtime: Runtime;
  readonly faults: ReplicationFaults | undefined;
  readonly metrics: ReplicationMetrics;
  readonly lag: Lag;
  readonly pace: Pace;
  readonly giveWay: GiveWay;
  readonly docsBucket: TokenBucket;
  readonly bytesBucket: TokenBucket;
  limits: Limits;
  /** Why an operator paused it; null: it runs. */
  paused: string | null;
  /** What holds the rate back now, as a word or a sentence. */
  throttle: string;
}

export interface CourseOptions {
  readonly name: string;
  readonly source: ReplicatedStore;
  readonly runtime: Runtime;
  readonly limits: Limits;
  readonly faults?: ReplicationFaults;
}

export function courseOf({ name, source, runtime, faults, limits: wished }: CourseOptions): Course {
  const limits = withLimits(wished, {});
  const now = runtime.elapsed();
  return {
    ...{ name, source, runtime, faults, limits, paused: null, throttle: 'nothing' },
    ...{ metrics: newMetrics(), lag: new Lag(), pace: new Pace(), giveWay: new GiveWay(runtime.foreground) },
    docsBucket: new TokenBucket(limits.docsPerSecondMax, now),
    bytesBucket: new TokenBucket(limits.bytesPerSecondMax, now),
  };
}

export function newTally(): DatabaseTally {
  return { progress: new Progress(), docs: 0, bytes: 0, aside: 0, lastVector: undefined, lacksSince: undefined };
}

/** Of one replicator process: the site, the moment, and chance. */
export function sessionId(site: SiteId, { clock, random }: Runtime): string {
  const chance = Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
  return `${site}-${clock().toString(16)}-${chance}`;
}
