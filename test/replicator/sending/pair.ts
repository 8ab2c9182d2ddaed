/** Two stores and a destination between them, as tests want it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeTarget } from '../../../replicator/applying/store-target.ts';
import { DEFAULT_POLICIES } from '../../../replicator/policy.ts';
import { type Runtime, realRuntime } from '../../../replicator/runtime.ts';
import {
  type DestinationOptions,
  type RunningDestination,
  startDestination,
} from '../../../replicator/sending/destination.ts';
import { DEFAULT_LIMITS } from '../../../replicator/sending/limits.ts';
import type { Push, Target } from '../../../replicator/target.ts';
import type { Store, Versioned } from '../../../store/contract.ts';
import { DATABASE_NAMES, type DatabaseName } from '../../../store/documents.ts';
import { openStore } from '../../../store/open.ts';
import { article } from '../../contract/samples.ts';
import { put } from '../../contract/with-store.ts';

/** A condition that does not come true in this time never will. */

export interface Pair extends AsyncDisposable {
  readonly a: Store;
  readonly b: Store;
  /** One more store of this test. */
  another(): Promise<Store>;
}

export async function sqlitePair(): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-replicator-test-'));
  const stores: Store[] = [];
  const another = async (): Promise<Store> => {
    const store = await openStore(`sqlite:${join(folder, `${stores.length}.db`)}`);
    stores.push(store);
    return store;
  };
  return {
    ...{ a: await another(), b: await another(), another },
    async [Symbol.asyncDispose]() {
      await Promise.all(stores.map((store) => store.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A target that does not close the store under it. */
export function targetOf(store: Store, runtime: Runtime = realRuntime): Target {
  return storeTarget(store, { engine: store.engine, runtime });
}

export function start(a: Store, b: Store, over: Partial<DestinationOptions> = {}): RunningDestination {
  return startDestination({
    ...{ name: 'b', source: a, open: async () => targetOf(b, over.runtime), databases: DATABASE_NAMES },
    ...{ direction: 'one-way', policies: DEFAULT_POLICIES, adopt: false, limits: DEFAULT_LIMITS },
    ...{ runtime: realRuntime, once: false },
    ...over,
  });
}

/** A target whose pushes go through `around`: it may fail, hang, or do more than it says. */
export function disturbed(
  target: Target,
  around: (push: Push, go: () => Promise<unknown>) => Promise<unknown>,
): Target {
  return {
    ...target,
    async connect(hello) {
      const session = await target.connect(hello);
      return {
        ...{ info: session.info, checkpoints: session.checkpoints },
        push: (push) => around(push, () => session.push(push)) as ReturnType<typeof session.push>,
        close: () => session.close(),
        [Symbol.asyncDispose]: () => session.close(),
      };
    },
  };
}

/** Articles `PREFIX0` to `PREFIX(count-1)`. */
export async function putArticles(store: Store, prefix: string, count: number, title = 'A title'): Promise<void> {
  const edits = Array.from({ length: count }, (_, i) => ({
    id: `${prefix}${i}`,
    content: article({ guid: `${prefix}${i}`, title }),
  }));
  for (let from = 0; from < count; from += 500) await put(store.articles, ...edits.slice(from, from + 500));
}

/** All that replicates of a database, tombstones too. */
export async function documentsOf(store: Store, name: DatabaseName): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let after = ''; ; ) {
    const page: Versioned<unknown>[] = await store.database(name).scan({ after, limit: 1000, deleted: true });
    found.push(...page.map(({ id, ver, org, vv, delAt, content }) => ({ id, ver, org, vv, delAt, content })));
    after = page.at(-1)?.id ?? '';
    if (page.length < 1000) return found;
  }
}

/** The databases in which two stores differ. */
export async function differences(a: Store, b: Store): Promise<string[]> {
  const differing: string[] = [];
  for (const name of DATABASE_NAMES) {
    const [here, there] = await Promise.all([documentsOf(a, name), documentsOf(b, name)]);
    if (JSON.stringify(here) !== JSON.stringify(there)) differing.push(`${name}: ${here.length} and ${there.length}`);
  }
  return differing;
}

/** Time that passes `factor` times as fast, for limits and pauses; the wall clock stays. */
export function fastRuntime(factor: number): Runtime {
  return {
    ...realRuntime,
    elapsed: () => performance.now() * factor,
    sleep: (ms, signal) => realRuntime.sleep(ms / factor, signal),
  };
}
