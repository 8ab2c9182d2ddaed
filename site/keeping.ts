import type { Mode, Store } from '../store/contract.ts';

/** Between two looks at the modes: a page never waits for one. */
const LOOK_EVERY_MS = 1_000;
/** What a reader's clicks write, and what adding a feed does. */
const LOOKED_AT = ['states', 'subscriptions', 'feeds'] as const;

type Modes = Readonly<Record<(typeof LOOKED_AT)[number], Mode>>;

/** Whether this site can keep what a reader does: the modes of its databases, a moment ago. */
export class Keeping {
  readonly #store: Store;
  #modes: Modes;
  #lookedAt = performance.now();
  #looking = false;

  private constructor(store: Store, modes: Modes) {
    this.#store = store;
    this.#modes = modes;
  }

  static async open(store: Store): Promise<Keeping> {
    return new Keeping(store, await modesOf(store));
  }

  /** For the reader, before anything is pressed in vain; null: all can be kept. */
  notice(): string | null {
    this.#lookAgain();
    const { states, subscriptions, feeds } = this.#modes;
    if (states === 'replica' || subscriptions === 'replica') {
      return 'This is a copy of another site: everything can be read, but what you mark, star or add cannot be kept here.';
    }
    if (states === 'read-only') return 'Everything can be read, but nothing can be marked, starred or added just now.';
    if (subscriptions === 'read-only' || feeds !== 'read-write') {
      return 'Read, mark and star as always; feeds cannot be added or changed just now.';
    }
    return null;
  }

  /** Beside the page. A store that does not answer leaves what was last known: the page tells of that itself. */
  #lookAgain(): void {
    if (this.#looking || performance.now() - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#looking = true;
    void modesOf(this.#store)
      .then(
        (modes) => {
          this.#modes = modes;
        },
        () => {},
      )
      .finally(() => {
        this.#lookedAt = performance.now();
        this.#looking = false;
      });
  }
}

async function modesOf(store: Store): Promise<Modes> {
  const modes = await Promise.all(LOOKED_AT.map(async (name) => [name, await store.database(name).mode()] as const));
  return Object.fromEntries(modes) as Record<(typeof LOOKED_AT)[number], Mode>;
}
