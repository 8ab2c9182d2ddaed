import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openStore } from '../../store/open.ts';
import { entries, feedSite } from '../crawler/feed-site.ts';
import { redisUrl } from '../rig/redis.ts';
import { skipLoudly } from '../rig/skip.ts';
import { cliFor } from './cli-process.ts';

const FEEDS = 40;
const HOSTS = 8;
const ENTRIES = 3;
const PROCESSES = 3;

const what = 'processes that crawl together into one SQLite file fetch each feed once and lose no article';
const server = await redisUrl();
if ('skip' in server) {
  t.test(what, async (t) => skipLoudly(t, server.skip));
} else {
  const { url } = server;
  t.test(what, async (t) => {
    const names = Array.from({ length: FEEDS }, (_, i) => `feed-${i}`);
    await using site = await feedSite(Object.fromEntries(names.map((name) => [name, { entries: entries(ENTRIES) }])));
    const outlines = names.map(
      (name, i) => `<outline type="rss" text="${name}" xmlUrl="${site.at(`127.0.5.${1 + (i % HOSTS)}`, `/${name}`)}"/>`,
    );
    const cli = await cliFor(t);
    await writeFile(join(cli.folder, 'f.opml'), `<opml version="2.0"><body>${outlines.join('')}</body></opml>`);
    const store = `sqlite:${join(cli.folder, 'a.db')}`;
    const imported = await cli.run(['feeds', 'import', 'f.opml', '--store', store]);
    t.equal(imported.code, 0, imported.stderr);

    const crawl = ['crawl', '--once', '--json', '--store', store, '--queue', url, '--host-gap', '0'];
    const ended = await Promise.all(Array.from({ length: PROCESSES }, () => cli.run(crawl)));
    const summaries = ended.map(({ code, stdout, stderr }) => {
      t.equal(code, 0, stderr);
      return JSON.parse(stdout) as { fetched: number; articlesNew: number; failed: object };
    });
    const sum = (name: 'fetched' | 'articlesNew') => summaries.reduce((total, one) => total + one[name], 0);
    t.equal(sum('fetched'), FEEDS);
    t.equal(sum('articlesNew'), FEEDS * ENTRIES);
    for (const { failed } of summaries) t.same(failed, {});
    t.equal(site.requests.length, FEEDS, 'each feed was asked for once');
    await using opened = await openStore(store, { mustExist: true });
    t.equal(await opened.articles.count(), FEEDS * ENTRIES);
    const records = await opened.feeds.scan({ limit: FEEDS + 1 });
    t.equal(records.filter(({ content }) => content.triedAt !== null).length, FEEDS, 'every record tells of its fetch');
  });
}
