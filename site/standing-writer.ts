import type { Database, Durability, Edit, Outcome, Writer } from '../store/contract.ts';
import { codeOf } from '../store/errors.ts';

/** How often one batch may find its writer fenced and open another. */
const REOPENS_MAX = 2;

/** What writes edits: a store's writer, or one that stands and is opened again when it must. */
export interface Editor<C> {
  edit(edits: readonly Edit<C>[]): Promise<Outcome[]>;
}

/**
 * A writer that is opened at the first write, stays open, and is opened again after another process took it over. A
 * database that was read-only for a while thus takes writes again by itself. A batch may be written twice in part:
 * edits must carry `ifVer`, or mean the same when repeated.
 */
export class StandingWriter<C> implements Editor<C>, AsyncDisposable {
  readonly #database: Database<C>;
  readonly #options: { readonly owner: string; readonly durability: Durability };
  readonly #onReopened: () => void;
  #writer: Promise<Writer<C>> | undefined;

  constructor(
    database: Database<C>,
    options: { readonly owner: string; readonly durability: Durability },
    onReopened: () => void = () => {},
  ) {
    this.#database = database;
    this.#options = options;
    this.#onReopened = onReopened;
  }

  async edit(edits: readonly Edit<C>[]): Promise<Outcome[]> {
    for (let reopened = 0; ; reopened += 1) {
      const opening = this.#open();
      const writer = await opening;
      try {
        return await writer.edit(edits);
      } catch (error) {
        if (codeOf(error) !== 'WRITER_FENCED' || reopened === REOPENS_MAX) throw error;
        if (this.#writer === opening) this.#writer = undefined;
        await writer.close().catch(() => {});
        this.#onReopened();
      }
    }
  }

  /** Settles what was written and gives the slot back. */
  async close(): Promise<void> {
    const opened = this.#writer;
    this.#writer = undefined;
    const writer = await opened?.catch(() => undefined);
    await writer?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(): Promise<Writer<C>> {
    if (this.#writer === undefined) {
      const opening = this.#database.openWriter(this.#options);
      this.#writer = opening;
      opening.catch(() => {
        if (this.#writer === opening) this.#writer = undefined;
      });
    }
    return this.#writer;
  }
}
