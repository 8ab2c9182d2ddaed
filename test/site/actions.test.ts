import t from 'tap';
import { CodedError } from '../../store/errors.ts';
import { addArticles, addFeeds, articleOf, emptyStore, feedOf, feedUrl, madeUpFeed, NOON } from './made-up.ts';
import { CLICK, countIn, follow, get, post, siteOver, titlesIn } from './running.ts';

t.test('adding a feed follows it and shows it', async (t) => {
  const store = await emptyStore(t);
  const asked: string[] = [];
  const site = await siteOver(t, store, {
    async addFeed(input) {
      asked.push(input);
      await addFeeds(store, [['one']]);
      await addArticles(store, 'one', [['a', { title: 'Hello' }]]);
      return { id: feedOf('one'), title: 'One', articles: 1, created: true };
    },
  });
  const answer = await post(site, '/add', { url: ' one.example.org ', folder: 'News' });
  t.equal(answer.status, 303);
  t.strictSame(asked, ['one.example.org']);
  const page = (await get(site, answer.to)).text;
  t.match(page, 'Feed added, with one article.');
  t.strictSame(titlesIn(page), ['Hello']);
  t.equal(countIn(page, 'folder:News'), 1);
  const again = await post(site, '/add', { url: 'one.example.org' });
  t.match((await get(site, again.to)).text, 'You follow this feed already.');
});

t.test('an address that cannot be added comes back on the form, with the reason in plain words', async (t) => {
  const site = await siteOver(t, await emptyStore(t), {
    addFeed: async (input) => {
      throw new CodedError('FETCH_DNS', `getaddrinfo ENOTFOUND ${input}`, { input });
    },
  });
  const page = await post(site, '/add', { url: 'no<such>.example' });
  t.equal(page.status, 422);
  t.match(page.text, 'The name of the site was not found.');
  t.match(page.text, 'value="no&lt;such&gt;.example"');
  t.match(page.text, 'FETCH_DNS');
  t.strictSame(site.lines, [], 'somebody else is to blame, and the log stays quiet');
});

t.test('a site with several feeds lets the reader choose', async (t) => {
  const candidates = [
    { url: 'https://one.example.org/posts', title: 'Posts' },
    { url: 'https://one.example.org/comments?a=1&b=2', title: '' },
  ];
  const site = await siteOver(t, await emptyStore(t), {
    addFeed: async () => {
      throw Object.assign(new CodedError('DISCOVER_MANY', 'Several feeds'), { candidates });
    },
  });
  const page = await post(site, '/add', { url: 'one.example.org', folder: 'News' });
  t.match(page.text, 'The site has 2 feeds.');
  t.match(page.text, 'name="url" value="https://one.example.org/comments?a=1&amp;b=2"');
  t.match(page.text, 'name="folder" value="News"');
});

t.test('what is not the address’s fault is an error page', async (t) => {
  const site = await siteOver(t, await emptyStore(t), {
    addFeed: async () => {
      throw new TypeError('a fault');
    },
  });
  const page = await post(site, '/add', { url: 'x' });
  t.equal(page.status, 500);
  t.match(page.text, 'SITE_INTERNAL');
  t.notMatch(page.text, 'a fault');
  t.equal(site.lines.length, 1, 'logged once');
  t.match(site.lines[0], { level: 50, code: 'SITE_INTERNAL' });
});

t.test('name and folder', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one', { title: 'Its own title' }]]);
  await follow(store, ['one']);
  const site = await siteOver(t, store);
  const path = `/feeds/${feedOf('one')}`;
  const answer = await post(site, `${path}/arrange`, { title: ' Mine ', folder: 'Here' });
  t.match((await get(site, answer.to)).text, '<h1 dir="auto">Mine</h1>');
  t.match((await get(site, '/feeds')).text, '<a href="/?folder=Here">Here</a>');
  await post(site, `${path}/arrange`, { title: '', folder: '' });
  t.match((await get(site, path)).text, '<h1 dir="auto">Its own title</h1>');
});

t.test('stopping and following again', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one']]);
  await addArticles(store, 'one', [['a', { title: 'A' }]]);
  await follow(store, ['one']);
  const site = await siteOver(t, store);
  const path = `/feeds/${feedOf('one')}`;
  const answer = await post(site, `${path}/unfollow`);
  t.match((await get(site, answer.to)).text, 'You no longer follow the feed.');
  t.match((await get(site, path)).text, 'You do not follow this feed.');
  t.match((await get(site, `/articles/${articleOf('one', 'a')}`)).text, 'A feed that you do not follow');
  t.match((await get(site, (await post(site, `${path}/follow`)).to)).text, 'You follow this feed now.');
  t.equal((await post(site, '/feeds/aaaaaaaaaaaaaaaa/follow')).status, 404);
});

t.test('fetching now tells what came of it', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one']]);
  await follow(store, ['one']);
  let added = 3;
  let at = NOON;
  let isEarly = false;
  const site = await siteOver(t, store, {
    async refresh() {
      if (isEarly) return;
      if (added < 0) {
        const lastError = { code: 'FETCH_TIMEOUT', message: 'No answer', at };
        return addFeeds(store, [['one', { errors: 1, lastError }]]);
      }
      at += 1;
      const visit = { at, ms: 1, status: 200, outcome: 'ok', message: '', bytes: 1, added, changed: 0 };
      await addFeeds(store, [['one', { history: [visit] }]]);
    },
  });
  const path = `/feeds/${feedOf('one')}`;
  const press = async () => (await get(site, (await post(site, `${path}/refresh`)).to)).text;
  t.match(await press(), 'Fetched: 3 new articles.');
  added = 0;
  t.match(await press(), 'Fetched: nothing new.');
  isEarly = true;
  t.match(await press(), 'It was fetched not long ago');
  isEarly = false;
  t.equal((await post(site, '/feeds/aaaaaaaaaaaaaaaa/refresh')).status, 404);
  added = -1;
  t.match(await press(), /could not be fetched[\s\S]*The site took too long to answer/);
});

t.test('OPML comes in by upload and goes out by download', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one'], ['two']]);
  await follow(store, ['one']);
  const exported: unknown[] = [];
  const site = await siteOver(t, store, {
    importOpml: async (body) => {
      t.equal(Buffer.from(body).toString(), '<opml>ü</opml>');
      const entry = (name: string) => ({ id: feedOf(name), folder: 'In', title: `${name} there` });
      return { entries: [entry('one'), entry('two')], invalid: [{ url: 'gopher://x<y', message: 'no web address' }] };
    },
    exportOpml: (feeds) => {
      exported.push(...feeds);
      return '<opml version="2.0"/>';
    },
  });
  const form = new FormData();
  form.set('file', new Blob(['<opml>ü</opml>']), 'feeds.opml');
  const answer = await fetch(`${site.url}/opml`, { method: 'POST', body: form, headers: CLICK, redirect: 'manual' });
  t.equal(answer.status, 303);
  const page = (await get(site, answer.headers.get('location') ?? '')).text;
  t.match(page, 'One feed was added');
  t.match(page, 'one was followed already');
  t.match(page, 'gopher://x&lt;y');
  const out = await get(site, '/opml/export');
  t.match(out.headers.get('content-disposition'), 'feedferry.opml');
  t.equal(out.text, '<opml version="2.0"/>');
  const { siteUrl } = madeUpFeed('one');
  t.strictSame(exported, [
    { url: feedUrl('one'), title: 'One', siteUrl, folder: null },
    { url: feedUrl('two'), title: 'two there', siteUrl: madeUpFeed('two').siteUrl, folder: 'In' },
  ]);
});

t.test('an upload without a file, of a wrong kind or too large is refused', async (t) => {
  const site = await siteOver(t, await emptyStore(t), {
    importOpml: async () => {
      throw new CodedError('OPML_NOT_OPML', 'This is no OPML', {});
    },
  });
  const upload = async (content: string | Uint8Array<ArrayBuffer> | null) => {
    const form = new FormData();
    if (content !== null) form.set('file', new Blob([content]), 'x.opml');
    else form.set('other', '1');
    const answer = await fetch(`${site.url}/opml`, { method: 'POST', body: form, headers: CLICK, redirect: 'manual' });
    return { status: answer.status, text: await answer.text() };
  };
  t.match(await upload(null), { status: 400, text: /SITE_UPLOAD_MISSING/ });
  t.match(await upload(''), { status: 400, text: /SITE_UPLOAD_MISSING/ });
  t.match(await upload('<html>'), { status: 422, text: /not an OPML file that can be read[\s\S]*OPML_NOT_OPML/ });
  t.match(await upload(new Uint8Array(11 * 1024 * 1024)), { status: 413, text: /SITE_BODY_TOO_LARGE/ });
  t.match(await post(site, '/opml', { file: 'x' }), { status: 415, text: /SITE_BODY_UNSUPPORTED/ });
});

t.test('the script of the pages gets counts instead of a page', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one'], ['two']]);
  await addArticles(store, 'one', [['a'], ['b']]);
  await addArticles(store, 'two', [['a']]);
  await follow(store, ['one'], 'F');
  await follow(store, ['two']);
  const site = await siteOver(t, store);
  const asScript = { ...CLICK, 'sec-fetch-mode': 'cors', accept: 'application/json' };
  const answer = await post(site, `/articles/${articleOf('one', 'a')}/read`, { on: '1' }, asScript);
  t.strictSame(JSON.parse(answer.text), { counts: { all: 2, [`feed:${feedOf('one')}`]: 1, 'folder:F': 1 } });
  const wrong = await post(site, `/articles/${articleOf('one', 'x')}/read`, { on: '1' }, asScript);
  t.equal(wrong.status, 404);
  t.equal(JSON.parse(wrong.text).error.code, 'SITE_ARTICLE_UNKNOWN');
});
