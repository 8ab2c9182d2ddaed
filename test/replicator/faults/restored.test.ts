/** One of the two stores is put back to an older copy of its files, as after a disk that died. */
import { copyFile, rm } from 'node:fs/promises';
import t, { type Test } from 'tap';
import type { Store } from '../../../store/contract.ts';
import { openStore } from '../../../store/open.ts';
import { article } from '../../contract/samples.ts';
import { put } from '../../contract/with-store.ts';
import { until } from '../../rig/until.ts';
import { ownFolder } from '../../store/sqlite/folder.ts';
import { putArticles, start } from '../sending/pair.ts';
import { equal } from './processes.ts';

/** A store that can be copied and put back while it is closed. */
class Restorable {
  readonly #path: string;
  #store: Store | undefined;

  constructor(t: Test, name: string) {
    this.#path = `${ownFolder(t)}/${name}.db`;
    t.teardown(() => this.#store?.close());
  }

  async open(): Promise<Store> {
    this.#store = await openStore(`sqlite:${this.#path}`);
    return this.#store;
  }

  async copy(): Promise<void> {
    await this.#store?.close();
    await copyFile(this.#path, `${this.#path}.older`);
  }

  async restore(): Promise<void> {
    await this.#store?.close();
    for (const tail of ['-wal', '-shm']) await rm(this.#path + tail, { force: true });
    await copyFile(`${this.#path}.older`, this.#path);
  }
}

async function change(store: Store, from: number, count: number, title: string | null): Promise<void> {
  const ids = Array.from({ length: count }, (_, i) => `x${from + i}`);
  await put(
    store.articles,
    ...ids.map((id) => ({ id, content: title === null ? null : article({ guid: id, title }) })),
  );
}

t.test('a destination that was put back gets what it lost, and nothing that it still has', async (t) => {
  const [one, other] = [new Restorable(t, 'a'), new Restorable(t, 'b')];
  const a = await one.open();
  let b = await other.open();
  await putArticles(a, 'x', 2000);
  await start(a, b, { once: true }).ended;
  await other.copy();
  b = await other.open();
  await change(a, 0, 100, 'Changed');
  await change(a, 100, 100, null);
  await putArticles(a, 'y', 300);
  const running = start(a, b);
  await until(async () => (await b.articles.count()) === 2200, 'it has everything');
  await running.stop();
  await other.restore();
  b = await other.open();
  t.equal(await b.articles.count(), 2000, 'it is older');
  await change(a, 200, 50, 'Changed later');
  const { docs } = await start(a, b, { once: true }).ended;
  await equal(t, a, b);
  t.ok(docs >= 550 && docs <= 1550, `${docs} documents were sent for the 550 that were missing`);
});

t.test('a destination that was put back to nothing is filled again', async (t) => {
  const [one, other] = [new Restorable(t, 'a'), new Restorable(t, 'b')];
  const a = await one.open();
  let b = await other.open();
  await other.copy();
  b = await other.open();
  await putArticles(a, 'x', 500);
  await start(a, b, { once: true }).ended;
  await other.restore();
  b = await other.open();
  await start(a, b, { once: true }).ended;
  await equal(t, a, b);
});

t.test('a source that was put back gives numbers again, and what it writes now still arrives', async (t) => {
  const [one, other] = [new Restorable(t, 'a'), new Restorable(t, 'b')];
  let a = await one.open();
  const b = await other.open();
  await putArticles(a, 'x', 1000);
  await start(a, b, { once: true }).ended;
  await one.copy();
  a = await one.open();
  await change(a, 0, 300, 'Lost');
  await start(a, b, { once: true }).ended;
  await one.restore();
  a = await one.open();
  // The same documents, and so the same numbers as those that were lost, and others.
  await change(a, 0, 300, 'Written after');
  await change(a, 300, 50, null);
  await putArticles(a, 'y', 20);
  const again = start(a, b);
  await until(async () => (await b.articles.count()) === 970, 'the new ones are there');
  await again.stop();
  await equal(t, a, b);
});

t.test('two ways, a site that was put back gets from the other what it lost', async (t) => {
  const [one, other] = [new Restorable(t, 'a'), new Restorable(t, 'b')];
  let a = await one.open();
  const b = await other.open();
  const ways = async () => {
    const twoWay = { direction: 'two-way', once: true } as const;
    for (let round = 0; round < 2; round += 1) {
      await start(a, b, twoWay).ended;
      await start(b, a, { ...twoWay, name: 'a' }).ended;
    }
  };
  await putArticles(a, 'x', 500);
  await putArticles(b, 'y', 500);
  await ways();
  await one.copy();
  a = await one.open();
  await putArticles(a, 'lost', 100);
  await change(a, 0, 50, 'Lost');
  await ways();
  await equal(t, a, b);
  await one.restore();
  a = await one.open();
  t.equal(await a.articles.count(), 1000);
  await change(a, 100, 50, 'Written after');
  await ways();
  await equal(t, a, b);
  t.equal(await a.articles.count(), 1100, 'nothing was lost after all');
  t.equal((await a.articles.get('x0'))?.content.title, 'Lost');
});
