import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { startSite } from '../../site/server.ts';
import { until } from '../rig/until.ts';
import { addArticles, addFeeds, articleOf, emptyStore, feedOf } from './made-up.ts';
import { CLICK, countIn, follow, get, post, siteOver } from './running.ts';

t.test('machines get what they ask for', async (t) => {
  const store = await emptyStore(t);
  const site = await siteOver(t, store);
  const health = await get(site, '/healthz');
  t.equal(health.status, 200);
  t.match(JSON.parse(health.text), { ok: true, engine: 'sqlite' });
  t.equal((await get(site, '/metrics')).text, 'feedferry_up 1\n');
  t.equal((await get(site, '/robots.txt')).text, 'User-agent: *\nDisallow: /\n');
  t.match((await get(site, '/favicon.svg')).headers.get('content-type'), 'image/svg+xml');
});

t.test('files come with a tag of their content and may be kept', async (t) => {
  const site = await siteOver(t, await emptyStore(t));
  const page = (await get(site, '/')).text;
  const path = /href="(\/static\/site\.css\?v=[\w-]{10})"/.exec(page)?.[1] ?? '';
  const css = await get(site, path);
  t.equal(css.status, 200);
  t.match(css.headers.get('content-type'), 'text/css');
  t.match(css.headers.get('cache-control'), 'immutable');
  for (const [, font] of css.text.matchAll(/url\("([^"]+)"\)/g)) {
    t.equal((await get(site, `/static/${font}`)).status, 200, font ?? '');
  }
  t.equal((await get(site, '/static/../server.ts')).status, 404);
  t.equal((await get(site, '/static/%2e%2e/server.ts')).status, 404);
});

t.test('every answer carries the security headers', async (t) => {
  const site = await siteOver(t, await emptyStore(t));
  for (const path of ['/', '/nothing', '/healthz', '/static/site.css', '/opml/export-not']) {
    const { headers } = await get(site, path);
    t.match(headers.get('content-security-policy'), "default-src 'none'", path);
    t.equal(headers.get('x-content-type-options'), 'nosniff', path);
    t.equal(headers.get('referrer-policy'), 'same-origin', path);
  }
});

t.test('unknown pages, wrong methods and malformed addresses are told apart', async (t) => {
  const site = await siteOver(t, await emptyStore(t));
  t.match(await get(site, '/nothing'), { status: 404, text: /SITE_PAGE_UNKNOWN/ });
  t.match(await get(site, '/feeds/nonsense'), { status: 404, text: /SITE_FEED_UNKNOWN/ });
  t.match(await get(site, `/feeds/${feedOf('x')}`), { status: 404, text: /SITE_FEED_UNKNOWN/ });
  t.match(await get(site, `/articles/${articleOf('x', 'y')}`), { status: 404, text: /SITE_ARTICLE_UNKNOWN/ });
  t.match(await get(site, '/articles/%'), { status: 400, text: /SITE_REQUEST_INVALID/ });
  t.match(await get(site, '/?before=1'), { status: 200 }, 'nothing is followed, so nothing is looked up');
  const wrong = await post(site, '/starred');
  t.match(wrong, { status: 405, text: /SITE_METHOD_UNSUPPORTED/ });
  t.equal(wrong.headers.get('allow'), 'GET, HEAD');
  const mark = await get(site, '/mark-all-read');
  t.equal(mark.status, 405);
  t.equal(mark.headers.get('allow'), 'POST');
  t.equal((await get(site, '/feeds/')).status, 200, 'a slash at the end does no harm');
});

t.test('a name that is not ours is refused, but for the health check', async (t) => {
  const site = await siteOver(t, await emptyStore(t), { hosts: ['reader.example.org'] });
  const status = async (host: string, path = '/') => {
    const socket = connect(site.address.port, '127.0.0.1');
    socket.end(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) text += chunk;
    return text;
  };
  t.match(await status('evil.example.org'), /^HTTP\/1.1 421 [\s\S]*SITE_HOST_UNKNOWN/);
  t.match(await status('evil.example.org', '/healthz'), /^HTTP\/1.1 200 /);
  t.match(await status('reader.example.org'), /^HTTP\/1.1 200 /);
  t.match(await status(`localhost:${site.address.port}`), /^HTTP\/1.1 200 /);
});

t.test('a button on a page of another site changes nothing', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one']]);
  await addArticles(store, 'one', [['a']]);
  await follow(store, ['one']);
  const site = await siteOver(t, store);
  const path = `/articles/${articleOf('one', 'a')}/read`;
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example.org' },
    { origin: 'null' },
  ]) {
    t.match(await post(site, path, { on: '1' }, headers), { status: 403, text: /SITE_CROSS_ORIGIN/ });
  }
  t.equal(countIn((await get(site, '/')).text, 'all'), 1);
  t.equal((await post(site, path, { on: '1' }, { origin: site.url })).status, 303);
  t.equal(countIn((await get(site, '/')).text, 'all'), 0);
});

t.test('forms that are wrong or too large are refused in words', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one']]);
  await addArticles(store, 'one', [['a']]);
  const site = await siteOver(t, store);
  const path = `/articles/${articleOf('one', 'a')}/read`;
  t.match(await post(site, path, {}), { status: 400, text: /SITE_FORM_INVALID/ });
  t.match(await post(site, '/mark-all-read', { until: 'now' }), { status: 400, text: /SITE_FORM_INVALID/ });
  t.match(await post(site, path, { on: '1', return: 'x'.repeat(70_000) }), {
    status: 413,
    text: /SITE_BODY_TOO_LARGE/,
  });
  const json = await fetch(site.url + path, {
    method: 'POST',
    body: '{',
    headers: { 'content-type': 'application/json' },
  });
  t.equal(json.status, 400);
  const xml = await fetch(site.url + path, { method: 'POST', body: '<a/>', headers: { 'content-type': 'text/xml' } });
  t.equal(xml.status, 415);
});

t.test('a read-only store is told in words, reading goes on, and writing comes back by itself', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one']]);
  await addArticles(store, 'one', [['a', { title: 'Still here' }], ['b']]);
  await follow(store, ['one']);
  const site = await siteOver(t, store);
  await post(site, `/articles/${articleOf('one', 'b')}/read`, { on: '1' });
  await store.states.setMode('read-only');
  await store.subscriptions.setMode('read-only');
  const path = `/articles/${articleOf('one', 'a')}`;
  const refused = await post(site, `${path}/read`, { on: '1' });
  t.equal(refused.status, 503);
  t.ok(Number(refused.headers.get('retry-after')) > 0);
  t.match(refused.text, /Read-only for the moment[\s\S]*DATABASE_READ_ONLY/);
  t.equal((await post(site, `/feeds/${feedOf('one')}/unfollow`)).status, 503);
  t.equal((await get(site, '/')).status, 200);
  const opened = await get(site, path, CLICK);
  t.equal(opened.status, 200);
  t.match(opened.text, /the article stays unread[\s\S]*Still here/);
  t.strictSame(site.lines, [], 'an operator did that on purpose: nothing to log');
  await store.states.setMode('read-write');
  t.equal((await post(site, `${path}/read`, { on: '1' })).status, 303);
  t.equal(countIn((await get(site, '/')).text, 'all'), 0);
});

t.test('a writer that was taken over is opened again', async (t) => {
  const store = await emptyStore(t);
  await addFeeds(store, [['one']]);
  await addArticles(store, 'one', [['a'], ['b']]);
  await follow(store, ['one']);
  const site = await siteOver(t, store);
  await post(site, `/articles/${articleOf('one', 'a')}/read`, { on: '1' });
  for (const { slot } of await store.states.changes.slots()) await store.states.changes.takeOver(slot);
  t.equal((await post(site, `/articles/${articleOf('one', 'b')}/read`, { on: '1' })).status, 303);
  t.equal(site.metrics.writersReopened, 1);
  t.equal(countIn((await get(site, '/')).text, 'all'), 0);
});

t.test('a store that is gone is an error page and one line in the log', async (t) => {
  const store = await emptyStore(t);
  const site = await siteOver(t, store);
  const { store: closed } = { store: await emptyStore(t) };
  const other = await siteOver(t, closed);
  await closed.close();
  const page = await get(other, '/');
  t.match(page, { status: 503, text: /STORE_CLOSED/ });
  t.equal(other.lines.filter((line) => line.level >= 50).length, 1);
  t.equal((await get(other, '/healthz')).status, 503);
  t.equal((await get(site, '/')).status, 200);
});

t.test('a port that is taken is a coded error', async (t) => {
  const store = await emptyStore(t);
  const site = await siteOver(t, store);
  const listen = { host: '127.0.0.1', port: site.address.port };
  await t.rejects(siteOver(t, store, { listen }), { code: 'SITE_PORT_TAKEN' });
  await t.rejects(siteOver(t, store, { listen: { host: '203.0.113.7', port: 0 } }), { code: 'SITE_ADDRESS_UNKNOWN' });
  t.type(startSite, 'function');
});

t.test('closing finishes what is in flight and drops idle connections at once', async (t) => {
  const store = await emptyStore(t);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let asked = () => {};
  const arrived = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const site = await siteOver(t, store, {
    metricsText: async () => {
      asked();
      await held;
      return 'late 1\n';
    },
  });
  await get(site, '/robots.txt');
  const idle = connect(site.address.port, '127.0.0.1');
  await once(idle, 'connect');
  const dropped = once(idle, 'close');
  const late = get(site, '/metrics');
  await arrived;
  const closing = site.close();
  idle.on('error', () => {});
  release();
  t.equal((await late).text, 'late 1\n');
  await closing;
  await dropped;
  await t.rejects(get(site, '/'));
  await site.close();
});

t.test(
  'whoever works beside the site is told of each request from its beginning to its end, however that is',
  async (t) => {
    let [begun, underWay] = [0, 0];
    const requestBegan = () => {
      begun += 1;
      underWay += 1;
      return () => {
        underWay -= 1;
      };
    };
    const hanging = Promise.withResolvers<string>();
    const site = await siteOver(t, await emptyStore(t), { requestBegan, metricsText: () => hanging.promise });
    await get(site, '/');
    await get(site, '/nothing');
    t.match(await get(site, '/articles/%'), { status: 400 });
    await until(() => underWay === 0, 'three requests are over');
    t.equal(begun, 3);
    const socket = connect(site.address.port, '127.0.0.1');
    socket.write(`GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    await until(() => underWay === 1, 'a request is under way');
    socket.destroy();
    await until(() => underWay === 0, 'it is given up');
    hanging.resolve('');
  },
);
