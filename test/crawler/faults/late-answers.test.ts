import t from 'tap';
import { openFetcher } from '../../../crawler/fetch.ts';
import { until } from '../../rig/until.ts';
import { feedSite, type SiteFeed } from '../feed-site.ts';
import { onEachEngine, setting } from '../harness.ts';

/** What the publisher has at a time; an entry that both versions have was changed in between. */
const OLD: SiteFeed = { etag: '"old"', entries: [{ guid: 'a', title: 'as it was' }] };
const NEW: SiteFeed = { etag: '"new"', entries: [{ guid: 'a', title: 'as it is' }, { guid: 'b' }] };

await onEachEngine(t, 'an answer that comes after a later one was stored changes nothing', async (t, engine) => {
  for (const stored of [false, true]) {
    let release: (() => void) | undefined;
    let asked = 0;
    const feed: SiteFeed = {
      entries: [],
      answer: (response) => {
        asked += 1;
        const version = asked === 2 ? OLD : NEW;
        response.setHeader('etag', version.etag ?? '');
        const send = () => response.end(body(version));
        // The first of the two that count is the late one.
        if (asked === 2) release = send;
        else send();
      },
    };
    await using site = await feedSite({ feed });
    await using here = await setting(engine);
    const [id = ''] = await here.add(site.at('127.0.10.1', '/feed'));
    // Where articles are there already, and where the two passes both add them.
    if (stored) await here.crawl();
    else asked = 1;
    here.clock.now += 30 * 86_400_000;
    // As another process has it: with connections of its own.
    await using fetcher = openFetcher({ userAgent: 'Late/1.0', allowPrivate: ['127.0.0.0/8'] });
    const late = here.crawl({ force: true, fetcher });
    await until(() => release !== undefined, 'the first pass waits for its answer');
    here.clock.now += 1_000;
    await here.crawl({ force: true });
    const record = await here.feed(id);
    here.clock.now += 1_000;
    release?.();
    await late;
    t.same(await here.feed(id), record, 'the record is that of the later one');
    t.equal(record.etag, '"new"');
    const titles = (await here.articles(id)).map(({ content }) => content.title);
    t.same(titles.toSorted(), ['as it is', 'b']);
  }
});

function body({ entries }: SiteFeed): string {
  const items = entries.map(({ guid, title = guid }) => `<item><guid>${guid}</guid><title>${title}</title></item>`);
  return `<rss version="2.0"><channel><title>x</title>${items.join('')}</channel></rss>`;
}
