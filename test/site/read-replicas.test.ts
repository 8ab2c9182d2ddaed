/** Pages that are read from a replica which the replicator keeps, and what becomes of them when either store is away. */
import t, { type Test } from 'tap';
import { readReplicas } from '../../cli/read-replicas.ts';
import { newSiteMetrics } from '../../site/metrics.ts';
import { ReadSpread } from '../../site/read-spread.ts';
import { Reading } from '../../site/reading.ts';
import { DEFAULT_USER } from '../../site/subscriptions.ts';
import type { Store } from '../../store/contract.ts';
import { openStore } from '../../store/open.ts';
import { start } from '../replicator/sending/pair.ts';
import { until } from '../rig/until.ts';
import { addArticles, addFeeds, articleOf, emptyStore, feedOf, NOON } from './made-up.ts';
import { type Answer, CLICK, countIn, follow, get, post, siteOver, titlesIn } from './running.ts';
import { cuttable, slowCopy } from './slow-copy.ts';

const ADDED = 8;

/** A store, a copy of it that the replicator keeps, and a site that reads from the copy. */
async function setting(t: Test, bringIn: (store: Store, name: string) => Promise<void>) {
  const primary = await emptyStore(t);
  const copy = await emptyStore(t);
  await addFeeds(primary, [['alpha']]);
  await addArticles(primary, 'alpha', [['one'], ['two']]);
  await follow(primary, ['alpha']);
  const destination = start(primary, copy);
  t.teardown(() => destination.stop());
  const stack = new AsyncDisposableStack();
  t.teardown(() => stack.disposeAsync());
  const cut = { isDown: false };
  const site = await siteOver(
    t,
    cuttable(primary, () => cut.isDown),
    {
      clock: Date.now,
      readReplicas: readReplicas([copy.url], primary.site, Date.now, stack),
      async addFeed(name) {
        await bringIn(primary, name);
        return { id: feedOf(name), title: name, articles: 1, created: true };
      },
    },
  );
  const status = async () => (await get(site, '/status')).text;
  await until(async () => /<dt>State<\/dt><dd>[^/]*read</.test(await status()), 'the copy is read from');
  return { primary, copy, destination, cut, site, status };
}

/** Follows the redirect, as a browser does, with the cookie that came along. */
async function landing(site: Parameters<typeof get>[0], answer: Answer): Promise<Answer> {
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  return get(site, answer.to, { cookie });
}

async function bringIn(store: Store, name: string): Promise<void> {
  await addFeeds(store, [[name]]);
  await addArticles(store, name, [['first']]);
}

t.test('pages are read from the replica, and whoever adds a feed sees its articles at once', async (t) => {
  const { destination, site, status } = await setting(t, bringIn);
  const before = site.metrics.reads.primary;
  t.strictSame(titlesIn((await get(site, '/')).text), ['two of alpha', 'one of alpha']);
  t.equal(site.metrics.reads.primary, before, 'the primary was asked for no article');
  for (let i = 0; i < ADDED; i += 1) {
    // Now and then the replica gets nothing more for a while, so that it is surely behind.
    if (i % 2 === 1) destination.pause('the test');
    const added = await post(site, '/add', { url: `new${i}` });
    t.match(
      added.headers.get('set-cookie') ?? '',
      /^feedferry-seen=[0-9a-z.-]+; Path=\/; Max-Age=65; HttpOnly; SameSite=Lax$/,
    );
    const page = (await landing(site, added)).text;
    t.strictSame(titlesIn(page), [`first of new${i}`]);
    t.equal(countIn(page, `feed:${feedOf(`new${i}`)}`), 1, 'and counts them');
    destination.resume();
  }
  t.match(await status(), /articles are read from the replicas in turn/);
  t.equal(site.metrics.reads.replica > 0 && site.metrics.reads.primary > 0, true);
});

t.test('a site that was started anew knows from the cookie what its reader has brought in', async (t) => {
  const { primary, copy, destination, site } = await setting(t, bringIn);
  destination.pause('the test');
  const added = await post(site, '/add', { url: 'beta' });
  await site.close();
  const stack = new AsyncDisposableStack();
  t.teardown(() => stack.disposeAsync());
  const replicas = readReplicas([copy.url], primary.site, Date.now, stack);
  const again = await siteOver(t, primary, { clock: Date.now, readReplicas: replicas, readStalenessMsMax: 3_600_000 });
  t.strictSame(titlesIn((await landing(again, added)).text), ['first of beta']);
});

t.test('without the primary readers read on and are told; what they mark fails, until it is back', async (t) => {
  const { cut, site, status } = await setting(t, bringIn);
  t.match((await get(site, '/')).text, /two of alpha/);
  cut.isDown = true;
  for (const path of [
    '/',
    '/?show=all',
    `/feeds/${feedOf('alpha')}`,
    `/articles/${articleOf('alpha', 'one')}`,
    '/starred',
  ]) {
    const { status: code, text } = await get(site, path, CLICK);
    t.equal(code, 200, path);
    t.match(text, /The main store does not answer\. You read from a copy, as of \d+ s ago/, path);
  }
  t.match((await get(site, `/articles/${articleOf('alpha', 'one')}`)).text, /The body of one/);
  t.match(titlesIn((await get(site, '/')).text), ['two of alpha', 'one of alpha']);
  t.equal((await post(site, `/articles/${articleOf('alpha', 'one')}/star`, { on: '1' })).status, 503);
  t.equal((await post(site, '/mark-all-read', { until: '9' })).status, 503);
  const health = await get(site, '/healthz');
  t.match([health.status, JSON.parse(health.text)], [200, { ok: true, degraded: /does not answer/ }]);
  t.match(await status(), /the primary does not answer/);
  cut.isDown = false;
  await until(async () => !/does not answer/.test((await get(site, '/')).text), 'the primary is read again');
  t.equal((await post(site, `/articles/${articleOf('alpha', 'one')}/star`, { on: '1' })).status, 303);
});

t.test('marking all read leaves unread what the replica had not shown yet', async (t) => {
  let now = NOON;
  const clock = () => now;
  const primary = await emptyStore(t, clock);
  await addFeeds(primary, [['alpha']]);
  await addArticles(primary, 'alpha', [['shown']]);
  await follow(primary, ['alpha']);
  const copy = slowCopy(primary, await emptyStore(t, clock));
  await copy.copy(10);
  const metrics = newSiteMetrics();
  const spread = { primary: primary.articles, replicas: [copy.replica], stalenessMsMax: 5_000, clock, metrics };
  using reads = new ReadSpread(spread);
  await reads.look();
  await using reading = await Reading.open({ store: primary, user: DEFAULT_USER, clock, metrics, reads });
  now += 1_500;
  await addArticles(primary, 'alpha', [['unseen']]);
  now += 3_000;
  await reads.look();
  const shelf = await reading.shelf();
  const bound = await reading.markBound(shelf, { kind: 'all' });
  t.equal(metrics.reads.primary, 0, 'it was the replica that was read');
  await reading.markAllRead(shelf, { kind: 'all' }, bound);
  await copy.copy(10);
  now += 20_000;
  await reads.look();
  const later = await reading.shelf();
  t.equal(later.unread, 1);
  const list = await reading.list(later, { scope: { kind: 'all' }, unreadOnly: true, before: null });
  t.strictSame(
    list.items.map(({ article }) => article?.guid),
    ['unseen'],
  );
});

t.test('a replica that is away keeps no site from starting, and an ordinary store is no replica', async (t) => {
  const primary = await emptyStore(t);
  const other = await emptyStore(t);
  await addFeeds(primary, [['alpha']]);
  await addArticles(primary, 'alpha', [['one']]);
  await follow(primary, ['alpha']);
  const stack = new AsyncDisposableStack();
  t.teardown(() => stack.disposeAsync());
  const urls = ['sqlite:/nowhere/at/all.db', other.url];
  const site = await siteOver(t, primary, { readReplicas: readReplicas(urls, primary.site, Date.now, stack) });
  t.strictSame(titlesIn((await get(site, '/')).text), ['one of alpha']);
  const { text } = await get(site, '/status');
  t.match(text, /not answering[\s\S]*no copy/);
  t.match(text, /no replica is within the bound: articles are read from the primary/);
});

t.test('the replica may go, too: then the primary is read', async (t) => {
  const { copy, site } = await setting(t, bringIn);
  const isRead = site.metrics.reads.replica;
  t.ok(isRead > 0);
  await using again = await openStore(copy.url);
  await again.control.delete(`replication/from/${(await openSite(site)).site}/articles`);
  await until(async () => /no copy/.test((await get(site, '/status')).text), 'the copy is none any more');
  const { primary } = site.metrics.reads;
  t.strictSame(titlesIn((await get(site, '/')).text), ['two of alpha', 'one of alpha']);
  t.ok(site.metrics.reads.primary > primary);
});

async function openSite(site: Parameters<typeof get>[0]): Promise<{ site: string }> {
  return JSON.parse((await get(site, '/healthz')).text);
}
