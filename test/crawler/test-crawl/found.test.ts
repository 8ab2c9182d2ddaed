/** What a test crawl finds against production. */
import t from 'tap';
import { put } from '../../contract/with-store.ts';
import { entries } from '../feed-site.ts';
import { onEachEngine } from '../harness.ts';
import { publisher, sides } from './running.ts';

/** Six entries, a day apart. */
const OLD = Array.from({ length: 6 }, (_, i) => ({ guid: `old-${i}`, published: Date.UTC(2026, 0, 1 + i) }));

onEachEngine(t, 'every article is either the same or has a reason', async (t, engine) => {
  await using site = await publisher();
  await using both = await sides(engine);
  const { production } = both;
  const later = OLD.slice(1);
  site.show('/window', OLD);
  site.show('/edited', [{ guid: 'e', html: '<p>one</p>' }, { guid: 's' }]);
  site.show('/cloaked', { production: OLD, test: OLD.filter(({ guid }) => guid !== 'old-0' && guid !== 'old-3') });
  site.show('/busy', entries(2));
  const [window = '', , , busy = ''] = await production.add(
    ...['/window', '/edited', '/cloaked', '/busy'].map((path) => site.url + path),
  );
  await both.crawlProduction();

  site.show('/window', [...later, { guid: 'soon-gone', published: Date.UTC(2026, 0, 9) }]);
  site.show('/edited', [
    { guid: 'e', html: '<p>two</p>' },
    { guid: 's', html: '<p>s</p><script>no reader sees this</script>' },
  ]);
  const { comparison, verdict } = await both.test({}, async () => {
    site.show('/busy', entries(3));
    site.show('/window', [...later, { guid: 'since', published: Date.UTC(2026, 0, 10) }]);
    await production.crawl({ feeds: [window, busy], force: true, clock: Date.now });
  });
  t.match(comparison?.articles, {
    same: 5 + 4 + 2,
    unseen: 1,
    onlyHere: { 'not-fetched-since': 0, 'not-taken': 1 },
    onlyThere: { since: 2, older: 2, missing: 1 },
    differing: { sent: 1, read: 0 },
    fields: { html: 1, summary: 1 },
  });
  const named = (list: readonly { title: string; reason: string }[] = []) =>
    list.map(({ title, reason }) => `${title}: ${reason}`).sort();
  t.strictSame(named(comparison?.onlyHere.items), ['soon-gone: not-taken']);
  t.strictSame(named(comparison?.onlyThere.items), ['entry-2: since', 'old-3: missing', 'since: since']);
  const [edited] = comparison?.differing.items ?? [];
  t.match(edited, { title: 'e', kind: 'sent', fields: [{ field: 'html', here: '<p>two</p>', there: '<p>one</p>' }] });
  t.strictSame(
    comparison?.worstFeeds.map(({ unexplained }) => unexplained),
    [1, 1, 1],
  );
  t.match(verdict, { outcome: 'differing', differencesPercent: 20 }, 'three of fifteen');
});

onEachEngine(
  t,
  'an article that another Feedferry reads otherwise is told from one that was sent otherwise',
  async (t, engine) => {
    await using site = await publisher();
    await using both = await sides(engine);
    site.show('/a', entries(2));
    await both.production.add(`${site.url}/a`);
    await both.crawlProduction();
    const [article] = await both.production.articles();
    if (article === undefined) throw new Error('no article');
    await put(both.production.store.articles, {
      id: article.id,
      content: { ...article.content, html: '<p>older sanitizer</p>' },
    });

    const { comparison } = await both.test();
    t.match(comparison?.articles, { same: 1, differing: { sent: 0, read: 1 }, fields: { html: 1 } });
  },
);

onEachEngine(t, 'feeds that fail here alone are named, and decide', async (t, engine) => {
  await using site = await publisher();
  await using both = await sides(engine);
  site.show('/blocked', { production: entries(1), test: 403 });
  site.show('/mended', { production: 500, test: entries(1) });
  site.show('/gone', 404);
  site.show('/fine', entries(1));
  await both.production.add(...['/blocked', '/mended', '/gone', '/fine'].map((path) => site.url + path));
  await both.crawlProduction();
  site.show('/new', entries(1));
  await both.production.add(`${site.url}/new`);

  const { comparison, verdict, crawl } = await both.test();
  t.match(crawl.failed, { FETCH_HTTP_403: 1, FETCH_HTTP_404: 1 });
  t.match(comparison?.feeds, {
    ...{ fetched: 5, fineOnBoth: 2, failOnlyHere: 1, failOnlyThere: 1, failOnBoth: 1 },
    ...{ neverFetchedThere: 3, compared: 1 },
  });
  t.match(comparison?.failOnlyHere, {
    count: 1,
    items: [{ url: `${site.url}/blocked`, here: 'FETCH_HTTP_403', there: null }],
  });
  t.match(verdict, { outcome: 'differing', errorsPercent: 20 });
  const patient = await both.test({ force: true, thresholds: { errorsPercentMax: 20, differencesPercentMax: 0 } });
  t.equal(patient.verdict.outcome, 'fine', 'as many as are allowed');
});
