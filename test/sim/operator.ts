import { demote, promote } from '../../replicator/failover/failover.ts';
import { rejoin } from '../../replicator/failover/rejoin.ts';
import type { Unseen } from '../../replicator/failover/unseen.ts';
import type { UnseenFiles, UnseenHead } from '../../replicator/failover/unseen-file.ts';
import { DEFAULT_POLICIES } from '../../replicator/policy.ts';
import { ROLE_NOTE, type SiteRole } from '../../replicator/role.ts';
import type { Target } from '../../replicator/target.ts';
import { storeEnd, targetEnd } from '../../replicator/verify/ends.ts';
import { verifyAndRepair } from '../../replicator/verify/verify-and-repair.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { codeOf } from '../../store/errors.ts';
import type { ModelStore } from './model/store.ts';
import { keyOf, type Oracle } from './oracle.ts';
import type { Process } from './process.ts';
import type { Site } from './site.ts';

/** What an operator may be told, and does something about: it is no fault of the program. */
const TOLD = /^(PROMOTE_|REJOIN_|REPLICATION_|STORE_|DATABASE_READ_ONLY|WRITER_|WRITE_UNRESOLVED|EDIT_CONTENDED)/;

/** The files that rejoining sites leave, on disks that outlive processes. */
export class Exports implements UnseenFiles {
  readonly #files = new Map<string, { readonly head: UnseenHead; readonly unseen: readonly Unseen[] }>();
  /** Everything that any file lists. */
  readonly listed = new Set<string>();

  readonly readHead = async (path: string): Promise<UnseenHead | undefined> => this.#files.get(path)?.head;

  readonly write = async (path: string, head: UnseenHead, unseen: AsyncIterable<Unseen>): Promise<number> => {
    const all: Unseen[] = [];
    for await (const one of unseen) all.push(one);
    this.#files.set(path, { head, unseen: all });
    for (const { database, doc } of all) this.listed.add(keyOf(database, doc));
    return all.length;
  };

  readonly read = async function* (this: Exports, path: string): AsyncGenerator<Unseen> {
    for (const one of this.#files.get(path)?.unseen ?? []) yield one;
  }.bind(this);
}

/** What is compared: a store here, and a destination. */
type Ends = readonly [{ readonly store: ModelStore; readonly target: Target }, Target];

/** The commands `promote`, `demote` and `rejoin`, each in a process of its own, as an operator gives them. */
export class Operator {
  readonly #oracle: Oracle;
  readonly #exports = new Exports();
  /** The next try gets a file of another name. */
  readonly #renamed = new Map<string, number>();
  #commands = 0;
  /** Commands under way. */
  pending = 0;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  /** Documents that some file lists. */
  get listed(): ReadonlySet<string> {
    return this.#exports.listed;
  }

  async promote(proc: Process, store: ModelStore, site: Site, epoch?: number): Promise<boolean> {
    return await this.#command(proc, 'promotes', async () => {
      const done = await promote(store, { runtime: proc.runtime, ...(epoch !== undefined && { epoch }) });
      this.#oracle.promoted(site.disk.site);
      return `epoch ${done.epoch}`;
    });
  }

  async demote(proc: Process, store: ModelStore): Promise<boolean> {
    return await this.#command(
      proc,
      'demotes',
      async () => `was ${(await demote(store, { runtime: proc.runtime })).was.role}`,
    );
  }

  /** Each command has a file of its own; one that was cut off is given again with the same. */
  async rejoin(proc: Process, store: ModelStore, target: Target): Promise<boolean> {
    return await this.#command(proc, 'rejoins', async () => {
      const { primary, epoch } = { primary: (await target.inspect()).site, epoch: (await target.inspect()).role.epoch };
      const path = `${store.site}-${primary}-${epoch}`;
      const rest = { policies: DEFAULT_POLICIES, runtime: proc.runtime, files: this.#exports };
      const exportPath = `${path}-${this.#renamed.get(path) ?? 0}`;
      const done = await rejoin({ store, target, exportPath, ...rest }).catch((error: unknown) => {
        if (codeOf(error) === 'REJOIN_FILE_UNUSABLE') this.#renamed.set(path, (this.#renamed.get(path) ?? 0) + 1);
        throw error;
      });
      return `${done.unseen} unseen, ${done.written} written, ${done.conflicts} conflicts`;
    });
  }

  /** `ends`: from where, and to where. Only a source that is a store here can be edited. */
  async repair(proc: Process, [source, destination]: Ends, names: readonly DatabaseName[], force: boolean) {
    return await this.#command(proc, 'verifies and repairs', async () => {
      const options = { databases: names, runtime: proc.runtime, force };
      const done = await verifyAndRepair({
        source: { end: storeEnd(source.store), ...source },
        destination: { end: await targetEnd(destination), target: destination, store: null },
        ...options,
      });
      return `${done.found.verdict}, then ${done.after.verdict}: ${JSON.stringify(done.repaired)}`;
    });
  }

  async #command(proc: Process, what: string, run: () => Promise<string>): Promise<boolean> {
    this.#commands += 1;
    const number = this.#commands;
    this.pending += 1;
    proc.onDeath(() => {
      this.pending -= 1;
    });
    proc.trace.add(proc.name, () => `command ${number}: ${what}`);
    try {
      const result = await run();
      proc.trace.add(proc.name, () => `command ${number} is done: ${result}`);
      return true;
    } catch (error) {
      proc.trace.add(proc.name, () => `command ${number} fails: ${(error as Error).message}`);
      if (!TOLD.test(codeOf(error))) this.#oracle.report('unexpected', String((error as Error).stack));
      return false;
    } finally {
      proc.crash('as its command is over');
    }
  }
}

export function roleOf({ disk }: Site): SiteRole | undefined {
  return disk.notes.get(ROLE_NOTE)?.value as SiteRole | undefined;
}
