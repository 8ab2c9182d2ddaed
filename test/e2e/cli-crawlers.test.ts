import t from 'tap';
import { entries } from '../crawler/feed-site.ts';
import { until } from '../rig/until.ts';
import { scene, written } from './paused-scene.ts';

t.test('serve stands still through a restart, says so everywhere, and readers read and add on', async (t) => {
  const { cli, site, store, open } = await scene(t, undefined, 3);
  open();
  site.feeds.set('other', { entries: entries(3) });
  const crawlers = (...args: string[]) => cli.run(['crawlers', ...args, '--store', store]);
  const paused = await crawlers('pause', '--reason', 'moving the disks');
  t.match(paused, { code: 0, stdout: /^The crawlers are paused: moving the disks\n.*within a second/s });
  t.match(await crawlers('pause', '--json'), { code: 0, stdout: /"isAlready":true/ });
  t.match(await crawlers('pause', '--timeout', 'soon'), { code: 2, stderr: /^error USAGE_INVALID/ });

  const serve = cli.start(['serve', '--store', store, '--listen', '127.0.0.1:0']);
  const [, url = ''] = await serve.until(/ready at (http:\/\/[^\s"]+)/);
  await serve.until(/The crawlers are paused since .* by .*: moving the disks/);
  const get = async (path: string) => (await fetch(`${url}${path}`)).text();
  const post = (path: string, fields: Record<string, string>) =>
    fetch(`${url}${path}`, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  t.match(await get('/status'), /Crawlers of this site.*moving the disks/s);
  t.match(await get('/metrics'), /^feedferry_crawlers_paused 1$/m);
  t.match(JSON.parse(await get('/crawlers')), { state: 'pausing', note: { why: 'moving the disks' } });
  const status = await crawlers('status');
  t.match(status.stdout, /State .*pausing.*moving the disks.*serve /s);
  t.match((await cli.run(['doctor', '--store', store])).stdout, /warn {2}crawlers .*paused since/);
  t.match(await crawlers('pause', '--wait'), {
    ...{ code: 0, stdout: /paused already.*waited .* for 1 crawler with 0 in flight.*No crawler can write until/s },
  });

  const added = await post('/add', { url: `${site.url}/other`, folder: '' });
  t.match(added.headers.get('location'), /^\/feeds\/[a-z2-7]{16}\?notice=added-paused$/);
  const [id = ''] = /[a-z2-7]{16}/.exec(added.headers.get('location') ?? '') ?? [];
  const refreshed = await post(`/feeds/${id}/refresh`, {});
  t.equal(refreshed.headers.get('location'), `/feeds/${id}?notice=paused`);
  t.match(await get(`/feeds/${id}?notice=paused`), /Fetching is paused/);
  t.equal((await written(store)).articles, 0);
  t.equal(site.requests.length, 1, 'only the page of the feed that was added was asked for');
  t.match(await cli.run(['crawl', '--once', '--store', store]), { code: 1, stderr: /^error CRAWL_PAUSED: /m });

  const mistyped: Record<string, string>[] = [{ readOnly: 'please' }, { 'read-only': 'true' }, { wait: 'soon' }];
  for (const fields of mistyped) {
    t.equal((await post('/crawlers/pause', fields)).status, 400, `${Object.keys(fields)} makes no other pause`);
  }
  t.match(JSON.parse(await get('/crawlers')), { modes: { articles: 'read-write', feeds: 'read-write' } });
  const refused = await post('/crawlers/pause', { readOnly: 'true', timeout: 'soon' });
  t.equal(refused.status, 400);
  t.match(await refused.json(), { error: { code: 'USAGE_INVALID', message: /--timeout is "soon"/ } });
  t.match(await (await post('/crawlers/pause', { readOnly: 'true' })).json(), {
    proof: { readOnly: ['articles', 'feeds'] },
  });
  t.match(await crawlers('status', '--json'), { stdout: /"articles":"read-only","feeds":"read-only"/ });
  const foreign = { method: 'POST', headers: { origin: 'http://elsewhere.example' } };
  t.equal((await fetch(`${url}/crawlers/resume`, foreign)).status, 403, 'not from the page of another site');
  t.equal((await post('/add', { url: `${site.url}/another`, folder: '' })).status, 503, 'nothing can be added now');

  t.match(await (await post('/crawlers/resume', {})).json(), { readWrite: ['articles', 'feeds'] });
  await serve.until(/The crawlers are resumed/);
  await until(async () => (await written(store)).tried === 4, 'all are fetched, also the one that was added');
  t.equal((await written(store)).articles, 12);
  t.match(await get('/metrics'), /^feedferry_crawlers_paused 0$/m);
  t.match(await crawlers('resume'), { code: 0, stdout: 'The crawlers were not paused.\n' });
  t.match(await crawlers('pause', '--timeout', '2d'), { code: 2, stderr: /--timeout is "2d"/ });
  t.match(await cli.run(['crawlers', 'status', '--store', 'sqlite:./none.db']), { code: 1, stderr: /STORE_MISSING/ });
  serve.child.kill('SIGTERM');
  t.equal((await serve.ended).code, 0);
  t.match(await crawlers('status'), { stdout: /no crawler was seen lately/ });
});

t.test('a queue that does not answer keeps nobody from pausing, and is told of', async (t) => {
  const { cli, store } = await scene(t, undefined, 1);
  const queue = ['--store', store, '--queue', 'redis://who:secret@127.0.0.1:1'];
  const paused = await cli.run(['crawlers', 'pause', '--wait', ...queue]);
  t.match(paused, {
    code: 1,
    stderr: /CRAWL_QUEUE_UNREACHABLE.*paused all the same, and the store refuses their writers/s,
  });
  t.notMatch(paused.stdout + paused.stderr, /secret/);
  t.match(await cli.run(['crawl', '--once', '--store', store]), { code: 1, stderr: /CRAWL_PAUSED/ });
  t.match(await cli.run(['crawlers', 'status', ...queue]), {
    ...{ code: 0, stdout: /pausing: .*Queue +CRAWL_QUEUE_UNREACHABLE/s },
  });
  t.match(await cli.run(['crawlers', 'resume', ...queue]), {
    ...{ code: 1, stderr: /CRAWL_QUEUE_UNREACHABLE.*has ended in the store all the same/s },
  });
  t.match(await cli.run(['crawlers', 'status', '--store', store]), { code: 0, stdout: /not paused/ });
});
