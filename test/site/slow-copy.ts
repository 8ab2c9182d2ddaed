/** A copy of a store's articles that gets on only when a test says so, and stores that a test can cut off. */
import { checkpointFrom } from '../../replicator/checkpoint.ts';
import type { ReadReplica } from '../../site/read-looks.ts';
import type { Store } from '../../store/contract.ts';
import { storeError } from '../../store/errors.ts';

export interface SlowCopy {
  readonly replica: ReadReplica;
  readonly store: Store;
  /** Takes over at most so many more documents, in the order of the primary's change feed. */
  copy(docsMax: number): Promise<void>;
  /** True: every call fails. */
  isDown: boolean;
}

export function slowCopy(primary: Store, store: Store): SlowCopy {
  const note = checkpointFrom(primary.site, 'articles');
  let vector: Record<string, number> = {};
  const copy: SlowCopy = {
    store,
    isDown: false,
    async copy(docsMax) {
      let left = docsMax;
      for (const { slot, stable } of await primary.articles.changes.slots()) {
        const at = vector[slot] ?? 0;
        if (left <= 0 || at >= stable) continue;
        const { docs, through } = await primary.articles.changes.read(slot, at, left);
        left -= docs.length;
        vector = { ...vector, [slot]: through };
        await using writer = await store.articles.openWriter({ owner: 'test', durability: 'lazy' });
        await writer.apply(docs, { id: note, value: { vector } });
        if (docs.length === 0) await store.control.put(note, { vector });
      }
    },
    replica: {
      url: store.url,
      articles: () => cuttable(store, () => copy.isDown).articles,
      async positions() {
        if (copy.isDown) throw unreachable(store);
        return (
          ((await store.control.get(note))?.value as { vector: Record<string, number> } | undefined)?.vector ?? null
        );
      },
    },
  };
  return copy;
}

/** The same store; while `isDown`, every call to it fails, or with `hangs` is never answered. */
export function cuttable(store: Store, isDown: () => boolean, hangs = false): Store {
  const cut = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(of, name) {
        const value: unknown = Reflect.get(of, name, of);
        if (typeof value === 'object' && value !== null && !(value instanceof Promise)) return cut(value);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (name === 'database') return cut(value.apply(of, args) as object);
          if (!isDown() || name === 'close') return value.apply(of, args);
          return hangs ? new Promise(() => {}) : Promise.reject(unreachable(store));
        };
      },
    });
  return cut(store);
}

function unreachable(store: Store): Error {
  return storeError('STORE_UNREACHABLE', `${store.url} was cut off by the test.`, { retryable: true });
}
