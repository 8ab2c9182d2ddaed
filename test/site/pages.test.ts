import t from 'tap';
import {
  addArticles,
  addFeeds,
  articleOf,
  DAY,
  emptyStore,
  feedOf,
  HOUR,
  MINUTE,
  NOON,
  removeArticles,
} from './made-up.ts';
import { ask, CLICK, countIn, fieldIn, follow, get, post, siteOver, titlesIn } from './running.ts';

t.test('the first visit shows what to do', async (t) => {
  const site = await siteOver(t, await emptyStore(t));
  const page = await get(site, '/');
  t.equal(page.status, 200);
  t.match(page.text, /Nothing is\s+followed yet/);
  t.match(page.text, /<form[^>]* action="\/add"/);
  t.match(page.text, /<form[^>]* action="\/opml" enctype="multipart\/form-data"/);
  for (const path of ['/starred', '/feeds', '/add', '/opml', '/status']) {
    t.equal((await get(site, path)).status, 200, `${path} has nothing to show and says so`);
  }
});

t.test('the list shows unread articles newest first; all of them on demand', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one', { title: 'Tom & Jerry <3' }], ['two'], ['unfollowed']]);
  await addArticles(store, 'one', [
    ['old', { title: 'Old', at: NOON - 3 * HOUR }],
    ['mid', { title: 'A < B & C', at: NOON - 2 * HOUR }],
  ]);
  await addArticles(store, 'two', [['new', { title: 'New', at: NOON - HOUR }]]);
  await addArticles(store, 'unfollowed', [['x', { title: 'Nobody asked' }]]);
  await follow(store, ['one', 'two']);
  const site = await siteOver(t, store);
  const page = await get(site, '/');
  t.strictSame(titlesIn(page.text), ['New', 'A &lt; B &amp; C', 'Old']);
  t.equal(countIn(page.text, 'all'), 3);
  t.match(page.text, 'Tom &amp; Jerry &lt;3');
  await post(site, `/articles/${articleOf('two', 'new')}/read`, { on: '1' });
  t.strictSame(titlesIn((await get(site, '/')).text), ['A &lt; B &amp; C', 'Old']);
  t.strictSame(titlesIn((await get(site, '/?show=all')).text), ['New', 'A &lt; B &amp; C', 'Old']);
});

t.test('one folder, one feed', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one'], ['two'], ['three']]);
  for (const name of ['one', 'two', 'three']) await addArticles(store, name, [['a', { title: `From ${name}` }]]);
  await follow(store, ['one', 'two'], 'Näh & Fern');
  await follow(store, ['three']);
  const site = await siteOver(t, store);
  const folder = await get(site, `/?folder=${encodeURIComponent('Näh & Fern')}`);
  t.strictSame(titlesIn(folder.text).sort(), ['From one', 'From two']);
  t.equal(countIn(folder.text, 'folder:Näh &amp; Fern'), 2);
  t.strictSame(titlesIn((await get(site, `/feeds/${feedOf('two')}`)).text), ['From two']);
  t.match((await get(site, '/?folder=None')).text, 'No feed is fetched here');
});

t.test('a long list has pages, by place and not by number', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one']]);
  await addArticles(
    store,
    'one',
    Array.from({ length: 95 }, (_, i) => [`a${i}`, { title: `T${i}` }]),
  );
  await follow(store, ['one']);
  const site = await siteOver(t, store);
  const seen: string[] = [];
  let path: string | undefined = '/';
  while (path !== undefined) {
    const page: string = (await get(site, path)).text;
    seen.push(...titlesIn(page));
    path = /rel="next" href="([^"]+)"/.exec(page)?.[1];
    await addArticles(store, 'one', [[`new${seen.length}`, { at: NOON }]]);
  }
  t.strictSame(
    seen,
    Array.from({ length: 95 }, (_, i) => `T${94 - i}`),
  );
});

t.test('opening an article by a click marks it read; a prefetch, a bookmark and a HEAD do not', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one']]);
  await addArticles(store, 'one', [['a'], ['b']]);
  await follow(store, ['one']);
  const site = await siteOver(t, store);
  const path = `/articles/${articleOf('one', 'a')}`;
  const unread = async () => countIn((await get(site, '/')).text, 'all');
  await get(site, path);
  await get(site, path, { ...CLICK, 'sec-purpose': 'prefetch' });
  await get(site, path, { ...CLICK, 'sec-fetch-site': 'cross-site' });
  await ask(site, 'HEAD', path, CLICK);
  t.equal(await unread(), 2);
  t.match((await get(site, path)).text, 'Mark as read');
  const page = await get(site, path, CLICK);
  t.match(page.text, 'The body of a.');
  t.match(page.text, 'Mark as unread');
  t.equal(countIn(page.text, 'all'), 1, 'its own page shows the new count');
  t.equal(await unread(), 1);
  t.match(page.text, `href="/articles/${articleOf('one', 'b')}" data-next`, 'and leads to the next unread one');
  const back = await post(site, `${path}/read`, { on: '0', return: '/' });
  t.equal(back.status, 303);
  t.equal(back.to, '/');
  t.equal(await unread(), 2);
});

t.test('an article shows who, when, what is attached, and its language', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one', { language: 'ar', title: 'مدونة' }]]);
  await addArticles(store, 'one', [
    [
      'a',
      {
        ...{ title: '', summary: 'ملخص', authors: ['Ada', 'Bob <b>'], categories: ['x & y'] },
        html: '<p>نص <em>مهم</em></p>',
        published: NOON - 3 * DAY,
        enclosures: [
          { url: 'https://cdn.example.org/a%20b.mp3', type: 'audio/mpeg', length: 48_000_000 },
          { url: 'https://cdn.example.org/bad%ZZ', type: null, length: null },
        ],
      },
    ],
  ]);
  await follow(store, ['one']);
  const site = await siteOver(t, store);
  const { text } = await get(site, `/articles/${articleOf('one', 'a')}`);
  t.match(text, /<h1 lang="ar" dir="auto">ملخص<\/h1>/, 'the summary stands in for a missing title');
  t.match(text, '<p>نص <em>مهم</em></p>');
  t.match(text, 'Ada, Bob &lt;b&gt;');
  t.match(text, '18 Nov 2025, 12:00 UTC (3 days ago)');
  t.match(text, '<audio controls preload="none" src="https://cdn.example.org/a%20b.mp3">');
  t.match(text, 'a b.mp3');
  t.match(text, '46 MB');
  t.match(text, 'x &amp; y');
});

t.test('stars: on, listed, off', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one']]);
  await addArticles(store, 'one', [
    ['a', { title: 'Keep' }],
    ['b', { title: 'Skip' }],
  ]);
  await follow(store, ['one']);
  const site = await siteOver(t, store);
  const path = `/articles/${articleOf('one', 'a')}/star`;
  t.equal((await post(site, path, { on: '1', return: '/?show=all#a-1' })).to, '/?show=all#a-1');
  t.equal((await post(site, path, { on: '1' })).status, 303, 'twice is no error');
  t.strictSame(titlesIn((await get(site, '/starred')).text), ['Keep']);
  await removeArticles(store, [articleOf('one', 'a')]);
  t.match((await get(site, '/starred')).text, 'no longer stored');
  await post(site, path, { on: '0' });
  t.match((await get(site, '/starred')).text, 'No stars yet');
});

t.test('mark all read: a feed, a folder, everything', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one'], ['two'], ['three']]);
  for (const name of ['one', 'two', 'three']) await addArticles(store, name, [['a'], ['b']]);
  await follow(store, ['one', 'two'], 'F');
  await follow(store, ['three']);
  const site = await siteOver(t, store);
  const press = async (path: string, scope: Record<string, string>) => {
    const page = (await get(site, path)).text;
    return post(site, '/mark-all-read', { until: fieldIn(page, 'until'), return: path, ...scope });
  };
  const unread = async () => countIn((await get(site, '/')).text, 'all');
  const feed = feedOf('one');
  t.equal((await press(`/feeds/${feed}`, { feed })).to, `/feeds/${feed}?notice=marked`);
  t.equal(await unread(), 4);
  await press('/?folder=F', { folder: 'F' });
  t.equal(await unread(), 2);
  const page = (await get(site, '/')).text;
  await addArticles(store, 'three', [['meanwhile']]);
  await addFeeds(store, [['three', { changedAt: NOON + 1 }]]);
  await post(site, '/mark-all-read', { until: fieldIn(page, 'until'), return: '/' });
  t.equal(await unread(), 1, 'what arrived meanwhile stays unread');
  t.match((await get(site, '/?notice=marked')).text, 'Marked as read.');
});

t.test('the list of feeds tells how each one does', async (t) => {
  const store = await emptyStore(t);
  const lastError = { code: 'FETCH_HTTP_503', message: 'The server answered 503', at: NOON };
  await addFeeds(store, [
    ['fine', { nextAt: NOON + 25 * MINUTE }],
    ['broken', { errors: 3, lastError, succeededAt: NOON - 2 * DAY }],
    ['gone', { state: 'gone', errors: 1, lastError: { ...lastError, code: 'FETCH_HTTP_410' } }],
    ['paused', { state: 'paused' }],
    ['new', { triedAt: null, succeededAt: null, nextAt: NOON - 1, nextWhy: 'just added' }],
  ]);
  await follow(store, ['fine', 'broken', 'gone', 'paused', 'new', 'lost']);
  const site = await siteOver(t, store);
  const { text } = await get(site, '/feeds');
  t.match(text, /Next <time[^>]*>in 25 min<\/time> \(max-age of 1 h\)/);
  t.match(text, 'Failed 3 times in a row. It last worked 2 days ago.');
  t.match(text, 'The site has trouble of its own.');
  t.match(text, 'FETCH_HTTP_503');
  t.match(text, 'closed for good');
  t.match(text, 'Paused');
  t.match(text, 'Due now (just added)');
  t.match(text, 'Its record was removed from the store');
  const trouble = (await get(site, '/feeds?show=trouble')).text;
  t.strictSame(
    [...trouble.matchAll(/<h3><a[^>]*>([^<]*)/g)].map((match) => match[1]),
    ['Broken', 'Gone', feedOf('lost')].sort(),
  );
});

t.test('many feeds have pages, and the shelf stays short', async (t) => {
  const store = await emptyStore(t);
  const names = Array.from({ length: 250 }, (_, i) => `f${i}`);
  await addFeeds(
    store,
    names.map((name) => [name]),
  );
  await addArticles(store, 'f7', [['a']]);
  await follow(store, names);
  const site = await siteOver(t, store);
  const seen: string[] = [];
  let path: string | undefined = '/feeds';
  while (path !== undefined) {
    const page: string = (await get(site, path)).text;
    seen.push(...[...page.matchAll(/<h3><a[^>]*>([^<]*)/g)].map((match) => match[1] ?? ''));
    path = /rel="next" href="([^"]+)"/.exec(page)?.[1];
  }
  t.strictSame(
    seen,
    names.map((name) => name.toUpperCase()),
    'in the order of their numbers',
  );
  const shelf = /<nav class="shelf"[\s\S]*?<\/nav>/.exec((await get(site, '/')).text)?.[0] ?? '';
  t.strictSame(
    [...shelf.matchAll(/href="\/feeds\/([^"]+)"/g)].map((match) => match[1]),
    [feedOf('f7')],
  );
  t.match(shelf, 'All 250 feeds');
});

t.test('a feed that never worked has nothing that was read, and one page speaks of one feed', async (t) => {
  const store = await emptyStore(t);
  const never = { errors: 3, succeededAt: null, changedAt: null };
  await addFeeds(store, [
    ['never', { ...never, nextAt: NOON + 25 * MINUTE }],
    ['gone', { ...never, state: 'gone' }],
    ['read', { nextAt: NOON + 25 * MINUTE }],
    ['due', { ...never, nextAt: NOON - 1 }],
  ]);
  await follow(store, ['never', 'gone', 'read', 'due']);
  const site = await siteOver(t, store);
  const textOf = async (name: string) => (await get(site, `/feeds/${feedOf(name)}`)).text;
  const next = /It is fetched in 25 min\./;
  const failed = await textOf('never');
  t.match(failed, /No articles yet\./);
  t.notMatch(failed, /All read|Show all/);
  t.match(failed, next);
  t.match(await textOf('due'), /No articles yet\..*It is due now\./s);
  t.match(await textOf('gone'), /It is not fetched at present\./);
  t.match(await textOf('read'), /All read\./);
  t.match(await textOf('read'), next);
  t.match((await get(site, '/')).text, /All read\..*The next feed is due now\./s);
});

t.test('the page of a feed has its description, visits and settings', async (t) => {
  const store = await emptyStore(t);
  const visit = {
    at: NOON - HOUR,
    ms: 120,
    status: 200,
    outcome: 'ok',
    message: '',
    bytes: 2048,
    added: 2,
    changed: 1,
  };
  const failed = { ...visit, status: null, outcome: 'FETCH_DNS', message: 'No such host <x>' };
  await addFeeds(store, [['one', { description: 'About <things>', history: [visit, failed] }]]);
  await follow(store, ['one']);
  const site = await siteOver(t, store);
  const { text } = await get(site, `/feeds/${feedOf('one')}`);
  t.match(text, 'About &lt;things&gt;');
  t.match(text, 'The last 2 visits');
  t.match(text, 'No such host &lt;x&gt;');
  t.match(text, '2.0 KB');
  t.match(text, 'Stop following');
});

t.test('status is told while the queue of the crawlers is away', async (t) => {
  const queueError = { code: 'CRAWL_QUEUE_UNREACHABLE', message: 'The queue at <redis> does not answer' };
  const shown = { state: 'running', sentence: 'crawling', note: null, processes: [], queueError };
  const nothing = async () => null;
  const crawlers = { status: async () => shown, pause: nothing, resume: nothing };
  const site = await siteOver(t, await emptyStore(t), { crawlers });
  const { status, text } = await get(site, '/status');
  t.equal(status, 200);
  t.match(text, /Crawling\..*The queue at &lt;redis&gt; does not answer <code>CRAWL_QUEUE_UNREACHABLE<\/code>/s);
});

t.test('status shows the crawler, the store and its databases', async (t) => {
  const store = await emptyStore(t);
  const crawlerStatus = () => ({
    inFlight: 2,
    startedAt: NOON - HOUR,
    lastPass: { failed: { FETCH_DNS: 3 } },
    'a<b': [],
  });
  const site = await siteOver(t, store, { crawlerStatus });
  const { text } = await get(site, '/status');
  t.match(text, 'In flight');
  t.match(text, '1 h ago');
  t.match(text, 'FETCH_DNS');
  t.match(text, 'SQLite');
  t.match(text, 'read-write');
  t.match(text, 'A&lt;b');
});
