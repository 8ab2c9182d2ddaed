import type { Store } from '../../store/contract.ts';
import { DATABASE_NAMES } from '../../store/documents.ts';
import type { Site } from '../site.ts';
import type { Page, Visit } from '../visit.ts';
import { sizeText } from './article.ts';
import { crawlersSection } from './crawlers.ts';
import { described } from './described.ts';
import { facts } from './facts.ts';
import { isInTrouble } from './feeds.ts';
import { html, NOTHING, type Safe } from './html.ts';
import { replicationSection } from './replication.ts';

/** `/status`: the store, its databases, and what the crawler does. */
export async function statusPage(site: Site, visit: Visit): Promise<Page> {
  const trouble = visit.shelf.feeds.filter(isInTrouble).length;
  const main = html`<h1>Status</h1>
<section aria-labelledby="s-reader"><h2 id="s-reader">Your feeds</h2>
${facts([
  ['Followed', visit.shelf.feeds.length],
  ['With trouble', trouble === 0 ? '0' : html`<a href="/feeds?show=trouble">${trouble}</a>`],
  ['Unread articles', visit.shelf.unread],
  ['Starred', visit.stars],
])}</section>
${await crawlersSection(site, visit.now)}<section aria-labelledby="s-crawler"><h2 id="s-crawler">Crawler</h2>${described(site.options.crawlerStatus(), visit.now)}</section>
${replicationSection(site.options.replicationStatus?.() ?? [], visit.now)}${reads(site, visit.now)}<section aria-labelledby="s-store"><h2 id="s-store">Store</h2>
${await storeFacts(site)}
</section>`;
  return { title: 'Status', main, place: 'status' };
}

async function storeFacts({ options, reading }: Site): Promise<Safe> {
  const { store } = options;
  try {
    return await reading.reads.orDown(answeredFacts(store));
  } catch (error) {
    if (!reading.reads.canGoOnAfter(error)) throw error;
    return facts([
      ['Place', html`<span class="wrap" dir="ltr">${store.url}</span>`],
      ['State', 'does not answer'],
    ]);
  }
}

async function answeredFacts(store: Store): Promise<Safe> {
  const health = await store.health();
  const databases = await Promise.all(
    DATABASE_NAMES.map(async (name) => ({
      name,
      count: await store.database(name).count(),
      mode: await store.database(name).mode(),
    })),
  );
  return html`${facts([
    ['Engine', health.engineVersion],
    ['Place', html`<span class="wrap" dir="ltr">${store.url}</span>`],
    ['Size', health.sizeBytes === null ? 'unknown' : sizeText(health.sizeBytes)],
    ['Schema version', health.schemaVersion],
    ['Site', html`<code>${health.site}</code>`],
  ])}
<div class="scroller" tabindex="0" role="region" aria-label="Databases"><table><thead><tr><th scope="col">Database</th><th scope="col">Documents</th><th scope="col">Mode</th></tr></thead>
<tbody>${databases.map(({ name, count, mode }) => html`<tr><td>${name}</td><td>${count.toLocaleString('en-GB')}</td><td>${mode}</td></tr>`)}</tbody></table></div>`;
}

/** Nothing where articles are read at the store alone. */
function reads({ reading }: Site, now: number): Safe {
  if (!reading.reads.hasReplicas) return NOTHING;
  return html`<section aria-labelledby="s-reads"><h2 id="s-reads">Where articles are read</h2>${described(reading.reads.status(), now)}</section>
`;
}
