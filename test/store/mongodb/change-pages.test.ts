import t from 'tap';
import type { ChangePage, Store, Versioned } from '../../../store/contract.ts';
import type { User } from '../../../store/documents.ts';
import { user } from '../../contract/samples.ts';
import { openWriter, withStore } from '../../contract/with-store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { mongodbEngine } from './engine.ts';

const DOCS = 120;
const CHARS = 2000;

/** Documents in one slot: large ones, fillers of a takeover, then others, of which every second moves on. */
async function fill(store: Store): Promise<number> {
  const before = await openWriter(store.users);
  const large = Array.from({ length: DOCS }, (_, i) => ({
    id: `a${i}`,
    content: user({ name: `${i}${'x'.repeat(CHARS)}` }),
  }));
  await before.edit(large);
  await before.settle();
  await store.users.changes.takeOver(before.slot);
  await before.close().catch(() => {});
  await using after = await openWriter(store.users);
  const ids = Array.from({ length: DOCS }, (_, i) => `b${i}`);
  await after.edit(ids.map((id) => ({ id, content: user({ name: id }) })));
  await after.edit(ids.filter((_, i) => i % 2 === 0).map((id) => ({ id, content: user({ name: `${id} again` }) })));
  await after.settle();
  return after.slot;
}

async function pages(store: Store, slot: number, limit: number, charsMax?: number): Promise<ChangePage<User>[]> {
  const read: ChangePage<User>[] = [];
  for (let after = 0; ; ) {
    const page = await store.users.changes.read(slot, after, limit, charsMax);
    if (page.through === after) return read;
    read.push(page);
    after = page.through;
  }
}

const placesOf = (docs: readonly Versioned<User>[]): string[] => docs.map(({ id, n }) => `${n} ${id}`);

t.test('pages of changes in MongoDB', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  await withStore(mongodbEngine(server.url), async (store) => {
    const slot = await fill(store);
    const [whole, ...more] = await pages(store, slot, 10_000);
    const places = placesOf(whole?.docs ?? []);
    t.equal(more.length, 0);
    t.equal(places.length, 2 * DOCS, 'fillers are no changes');

    await t.test('whatever their size, they hold every change once, in the order of its number', async (t) => {
      for (const limit of [1, 7, 64, 500]) {
        const read = await pages(store, slot, limit);
        const all = read.flatMap(({ docs }) => placesOf(docs));
        t.same(all, places, `${limit} a page`);
        t.ok(read.every(({ docs }) => docs.length <= limit));
        t.ok(
          read.every(({ docs, through }) => docs.every(({ n }) => n <= through)),
          'none beyond where the page ends',
        );
      }
    });

    await t.test('limited by their characters, they end with the document that exceeds them', async (t) => {
      const charsMax = 10 * CHARS;
      const read = await pages(store, slot, 500, charsMax);
      const all = read.flatMap(({ docs }) => placesOf(docs));
      t.same(all, places);
      const large = read.map(({ docs }) => docs.filter(({ id }) => id.startsWith('a')).length);
      t.ok(
        large.every((count) => count <= 10),
        `${large}`,
      );
    });

    await t.test('what is left is counted without what was filled in', async (t) => {
      t.equal(await store.users.changes.remaining(slot, 0), places.length);
      const half = Number(places[DOCS + 10]?.split(' ')[0]);
      t.equal(await store.users.changes.remaining(slot, half), DOCS - 11);
    });
  });
});
