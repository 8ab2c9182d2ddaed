import type { Control, ControlNote, Durability } from '../../../store/contract.ts';
import type { Caller } from './call.ts';

/** Local notes. Values are kept as they are given: nobody changes a note's value in place. */
export class ModelControl implements Control {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  get(id: string): Promise<ControlNote | undefined> {
    const { disk } = this.#caller;
    return this.#caller.call(`reads note ${id}`, () => {
      const note = disk.notes.get(id);
      return note && { id, ...note };
    });
  }

  list(prefix: string, { after = '', limit = Number.POSITIVE_INFINITY } = {}): Promise<ControlNote[]> {
    const { disk } = this.#caller;
    return this.#caller.call(`lists notes ${prefix}`, () => {
      const found: ControlNote[] = [];
      for (const [id, note] of disk.notes) if (id.startsWith(prefix) && id > after) found.push({ id, ...note });
      return found.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
    });
  }

  /** An attempt that comes late does not undo a later one: its revision was drawn before it was sent. */
  put(id: string, value: unknown, ifRev?: number, durability: Durability = 'sync'): Promise<number | null> {
    const { disk, proc } = this.#caller;
    disk.revisions += 1;
    const rev = disk.revisions;
    const put = () =>
      disk.transact(durability === 'sync', () => {
        const there = disk.notes.get(id);
        if (ifRev !== undefined && (there?.rev ?? 0) !== ifRev) return null;
        if (ifRev === undefined && there && there.rev > rev) return rev;
        if (disk.mistake === 'skip-conflicts' && id.startsWith('conflict/')) return rev;
        disk.note(id, { rev, value });
        disk.ears.noted(disk, id, value, proc.name);
        return rev;
      });
    return this.#caller.call(`puts note ${id}`, put, true);
  }

  delete(id: string): Promise<void> {
    const { disk } = this.#caller;
    return this.#caller.call(`deletes note ${id}`, () => disk.transact(true, () => disk.note(id, undefined)));
  }
}
