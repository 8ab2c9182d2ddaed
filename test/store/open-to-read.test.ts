/** A store that is opened to look is left as it was, to the byte. */
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import t from 'tap';
import { openStore } from '../../store/open.ts';
import { openToRead, type ReadableStore } from '../../store/open-to-read.ts';
import { feed } from '../contract/samples.ts';
import { failureOf, put } from '../contract/with-store.ts';
import { onEachEngine } from '../crawler/harness.ts';
import { mongodbState } from './mongodb-state.ts';

const FEED = feed();

async function readAll(store: ReadableStore): Promise<string[]> {
  await store.count('feeds');
  await store.count('articles');
  await store.articles.countAbove([{ feed: 'a', num: 0 }]);
  await store.articles.timeline({ feed: 'a', limit: 10 });
  await store.note('x');
  return (await store.feeds.scan({ limit: 10 })).map(({ id }) => id);
}

/** Of the file of a store and its WAL; what its readers share (`-shm`) says who reads. */
function bytesOf(path: string): string {
  return [path, `${path}-wal`].map((file) => readFileSync(file).toString('base64')).join('\n');
}

async function folderFor(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-read-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

t.test('a SQLite store in use keeps its bytes, and its writers go on', async (t) => {
  const path = join(await folderFor(t), 'a.db');
  await using store = await openStore(`sqlite:${path}`);
  await put(store.feeds, { id: 'a', content: FEED });
  await using writer = await store.feeds.openWriter({ owner: 'production', durability: 'lazy' });
  const before = bytesOf(path);
  {
    await using reading = await openToRead(`sqlite:${path}`);
    t.strictSame(await readAll(reading), ['a']);
    t.equal(bytesOf(path), before, 'while it is open');
    await writer.edit([{ id: 'b', content: FEED }]);
    t.strictSame(await readAll(reading), ['a', 'b'], 'what production writes is seen');
  }
  const after = bytesOf(path);
  {
    await using reading = await openToRead(`sqlite:${path}`);
    await readAll(reading);
  }
  t.equal(bytesOf(path), after, 'after it was closed');
  const [outcome] = await writer.edit([{ id: 'c', content: FEED }]);
  t.equal(outcome?.result, 'written', 'nobody was fenced');
});

t.test('what a killed process left in the WAL of a SQLite store is read and stays there', async (t) => {
  const folder = await folderFor(t);
  const path = join(folder, 'killed.db');
  await using store = await openStore(`sqlite:${join(folder, 'a.db')}`);
  await put(store.feeds, { id: 'a', content: FEED });
  for (const end of ['', '-wal']) copyFileSync(join(folder, `a.db${end}`), path + end);
  const before = bytesOf(path);
  {
    await using reading = await openToRead(`sqlite:${path}`);
    t.strictSame(await readAll(reading), ['a']);
  }
  t.equal(bytesOf(path), before, 'closing moved nothing into the file');
});

t.test('no SQLite store is made, claimed or taken for one', async (t) => {
  const folder = await folderFor(t);
  const url = `sqlite:${join(folder, 'none.db')}`;
  t.equal(await failureOf(openToRead(url)), 'STORE_MISSING');
  await writeFile(join(folder, 'other.db'), 'this is no database, only a text that somebody wants to keep');
  t.equal(await failureOf(openToRead(`sqlite:${join(folder, 'other.db')}`)), 'STORE_NOT_OURS');
  t.strictSame(readdirSync(folder), ['other.db']);
});

onEachEngine(t, 'nothing of a store can be changed through a reading one', async (t, engine) => {
  const { url, cleanup } = await engine.fresh();
  t.teardown(cleanup);
  {
    await using store = await openStore(url);
    await put(store.feeds, { id: 'a', content: FEED });
  }
  await using reading = await openToRead(url);
  t.strictSame(await readAll(reading), ['a']);
  for (const part of [reading, reading.feeds, reading.articles]) {
    const writing = Object.keys(part).filter((name) => /write|edit|apply|mode|index|put|delete|takeover/i.test(name));
    t.strictSame(writing, []);
  }
});

onEachEngine(t, 'every document of a store stays as it was', async (t, engine) => {
  if (engine.name !== 'MongoDB') {
    t.pass('the bytes of its file are compared above');
    return;
  }
  const { url, cleanup } = await engine.fresh();
  t.teardown(cleanup);
  await using store = await openStore(url);
  await put(store.feeds, { id: 'a', content: FEED });
  const before = await mongodbState(url);
  t.match(before, /example\.org/);
  {
    await using reading = await openToRead(url);
    t.strictSame(await readAll(reading), ['a']);
  }
  t.equal(await mongodbState(url), before);
});

onEachEngine(t, 'a store that is not there is not made', async (t, engine) => {
  const { url, cleanup } = await engine.fresh();
  t.teardown(cleanup);
  t.equal(await failureOf(openToRead(url)), 'STORE_MISSING');
  t.equal(await failureOf(openStore(url, { mustExist: true })), 'STORE_MISSING');
});
