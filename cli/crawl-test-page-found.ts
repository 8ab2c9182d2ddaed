/** What a test crawl found against production, on the report page. Pure. */

import type { Comparison, FeedFinding } from '../crawler/test-crawl/compare.ts';
import type { DifferingFinding } from '../crawler/test-crawl/compare-feed.ts';
import { html, type Safe } from '../site/pages/html.ts';
import { sharesChart } from './crawl-test-charts.ts';
import { linked, number, rowsTable, shortened } from './crawl-test-page-parts.ts';
import { REASONS } from './crawl-test-text.ts';
import { adviceOf } from './error-catalogue.ts';
import { moment, printable } from './text.ts';

export function feedsSection(comparison: Comparison): Safe {
  const { feeds, failOnlyHere, failOnlyThere, worstFeeds, complete, left, error } = comparison;
  const chart = sharesChart('Feeds', [
    { name: 'fine on both sides', count: feeds.fineOnBoth, kind: 'ok' },
    { name: 'fail on both', count: feeds.failOnBoth, kind: 'soft-part' },
    { name: 'fail only at production', count: feeds.failOnlyThere, kind: 'soft-part' },
    { name: 'fail only here', count: feeds.failOnlyHere, kind: 'bad' },
  ]);
  const early = complete
    ? null
    : html`<p class="warn">Not all was compared: ${number(left)} feeds are left${error === null ? '' : `, ${printable(error.message)}`}.</p>`;
  return html`<section><h2>Feeds against production</h2>${early}${chart}
${failing('Fail here, and not at production', failOnlyHere, true)}${failing('Fail at production, and not here', failOnlyThere, false)}
${worst(worstFeeds)}</section>`;
}

function failing(title: string, { count, items }: Comparison['failOnlyHere'], isOpen: boolean): Safe | null {
  if (count === 0) return null;
  const rows = items.map((feed) => {
    const code = printable(feed.here ?? feed.there ?? '');
    return html`<tr><th scope="row" class="wide">${feedName(feed)}</th><td><code>${code}</code></td><td>${adviceOf(code)}</td></tr>`;
  });
  return folded(
    title,
    count,
    items.length,
    isOpen,
    [
      ['feed', ''],
      ['code', ''],
      ['what to do', ''],
    ],
    rows,
  );
}

function worst(feeds: Comparison['worstFeeds']): Safe | null {
  if (feeds.length === 0) return null;
  const rows = feeds.map(
    (feed) =>
      html`<tr><th scope="row" class="wide">${feedName(feed)}</th>${[feed.unexplained, feed.same, feed.differing, feed.onlyHere, feed.onlyThere].map((n) => html`<td class="n">${number(n)}</td>`)}</tr>`,
  );
  const titles: [string, string][] = ['unexplained', 'same', 'differing', 'only here', 'only there'].map((one) => [
    one,
    'n',
  ]);
  return folded(
    'Feeds with most unexplained differences',
    feeds.length,
    feeds.length,
    false,
    [['feed', ''], ...titles],
    rows,
  );
}

function feedName({ title, url }: Pick<FeedFinding, 'title' | 'url'>): Safe {
  return html`${linked(title, url)}<br><span class="soft">${shortened(printable(url))}</span>`;
}

export function articlesSection({ feeds, articles, differing, onlyHere, onlyThere }: Comparison): Safe {
  const explained =
    articles.onlyHere['not-fetched-since'] + articles.onlyHere['production-failing'] + articles.onlyThere.since;
  const unexplained =
    articles.onlyHere['not-taken'] + articles.onlyThere.missing + articles.differing.sent + articles.differing.read;
  const chart = sharesChart('Articles', [
    { name: 'same', count: articles.same + articles.unseen, kind: 'ok' },
    { name: 'on one side, explained', count: explained, kind: 'soft-part' },
    { name: 'unexplained', count: unexplained, kind: 'bad' },
  ]);
  return html`<section><h2>Articles against production</h2>
<p class="soft">Of ${number(feeds.compared)} feeds that both have fetched.</p>${chart}${countsTable(articles)}
${folded(
  'Differing',
  differing.count,
  differing.items.length,
  true,
  [
    ['article', ''],
    ['why', ''],
    ['what differs', ''],
  ],
  differing.items.map(differingRow),
)}
${oneSided('Only here', onlyHere)}${oneSided('Only at production', onlyThere)}</section>`;
}

function countsTable(articles: Comparison['articles']): Safe {
  const unexplained = new Set(['not-taken', 'missing', 'sent', 'read']);
  const rows = [
    html`<tr><th scope="row">same</th><td>what a reader sees is the same</td><td class="n">${number(articles.same)}</td></tr>`,
    articles.unseen === 0
      ? null
      : html`<tr><th scope="row">same to a reader</th><td>another text was sent; what is left of it is the same</td><td class="n">${number(articles.unseen)}</td></tr>`,
    ...(
      [
        ['only here', articles.onlyHere],
        ['only there', articles.onlyThere],
        ['differing', articles.differing],
      ] as const
    ).flatMap(([name, counts]) =>
      Object.entries(counts)
        .filter(([, n]) => n > 0)
        .map(
          ([reason, n]) =>
            html`<tr><th scope="row">${name}</th><td>${REASONS[reason] ?? reason}</td><td class="n ${unexplained.has(reason) ? 'warn' : ''}">${number(n)}</td></tr>`,
        ),
    ),
  ];
  return rowsTable(
    'Unexplained ones are marked',
    [
      ['articles', ''],
      ['why', ''],
      ['how many', 'n'],
    ],
    rows.filter((row) => row !== null),
  );
}

function differingRow({ title, url, kind, fields, at }: DifferingFinding): Safe {
  const shown = fields.map(
    ({ field, here, there }) =>
      html`<p><b>${field}</b><br><ins><span class="soft">here </span><bdi>${printable(here)}</bdi></ins><del><span class="soft">there </span><bdi>${printable(there)}</bdi></del></p>`,
  );
  return html`<tr><th scope="row" class="wide">${linked(title, url)}<br><span class="soft">${moment(at)}</span></th><td>${REASONS[kind] ?? kind}</td><td class="wide">${shown}</td></tr>`;
}

function oneSided(title: string, { count, items }: Comparison['onlyHere'] | Comparison['onlyThere']): Safe | null {
  const rows = items.map(
    ({ title: name, url, at, reason }) =>
      html`<tr><th scope="row" class="wide">${linked(name, url)}</th><td>${moment(at)}</td><td>${REASONS[reason] ?? reason}</td></tr>`,
  );
  return folded(
    title,
    count,
    items.length,
    false,
    [
      ['article', ''],
      ['of', ''],
      ['why', ''],
    ],
    rows,
  );
}

function folded(
  title: string,
  count: number,
  listed: number,
  isOpen: boolean,
  columns: readonly (readonly [string, string])[],
  rows: readonly Safe[],
): Safe | null {
  if (count === 0) return null;
  const caption = listed < count ? `${number(listed)} of them, unexplained ones first` : 'all of them';
  return html`<details${isOpen ? html` open` : null}><summary>${title}: ${number(count)}</summary>${rowsTable(`${title}: ${caption}`, columns, rows, columns.length > 3 ? '' : 'stack')}</details>`;
}
