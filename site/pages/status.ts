import type { Store } from '../../store/contract.ts';
import { DATABASE_NAMES } from '../../store/documents.ts';
import type { Site } from '../site.ts';
import type { Page, Visit } from '../visit.ts';
import { sizeText } from './article.ts';
import { isInTrouble } from './feeds.ts';
import { html, NOTHING, type Safe } from './html.ts';
import { replicationSection } from './replication.ts';
import { durationText, shortTime } from './time.ts';

/** How deep, and how many entries at each level, of the crawler's status are shown. */
const DEPTH_MAX = 6;
const ENTRIES_MAX = 100;
/** Times as milliseconds since 1970 lie above this; smaller numbers are numbers. */
const TIMES_FROM = Date.UTC(2000, 0);

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
<section aria-labelledby="s-crawler"><h2 id="s-crawler">Crawler</h2>${described(site.options.crawlerStatus(), visit.now, 0)}</section>
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
  return html`<section aria-labelledby="s-reads"><h2 id="s-reads">Where articles are read</h2>${described(reading.reads.status(), now, 0)}</section>
`;
}

function facts(pairs: readonly (readonly [string, Safe | string | number])[]): Safe {
  return html`<dl class="facts">${pairs.map(([name, value]) => html`<div><dt>${name}</dt><dd>${typeof value === 'number' ? value.toLocaleString('en-GB') : value}</dd></div>`)}</dl>`;
}

/** Any JSON, for people: names in words, times and durations by the endings of their names. */
export function described(value: unknown, now: number, depth: number, name = ''): Safe {
  if (value === null || value === undefined || value === '') return html`<span class="muted">none</span>`;
  if (typeof value === 'boolean') return html`${value ? 'yes' : 'no'}`;
  if (typeof value === 'number') return describedNumber(value, now, name);
  if (typeof value !== 'object') return html`<span class="wrap" dir="auto">${String(value)}</span>`;
  if (depth === DEPTH_MAX) return html`…`;
  if (Array.isArray(value)) {
    if (value.length === 0) return html`<span class="muted">none</span>`;
    return html`<ul>${value.slice(0, ENTRIES_MAX).map((one) => html`<li>${described(one, now, depth + 1)}</li>`)}${value.length > ENTRIES_MAX ? html`<li>…</li>` : NOTHING}</ul>`;
  }
  const entries = Object.entries(value).slice(0, ENTRIES_MAX);
  if (entries.length === 0) return html`<span class="muted">none</span>`;
  return html`<dl class="facts">${entries.map(([key, one]) => html`<div><dt>${words(key)}</dt><dd>${described(one, now, depth + 1, key)}</dd></div>`)}</dl>`;
}

function describedNumber(value: number, now: number, name: string): Safe {
  if (/(At|Since|Until)$/.test(name) && value > TIMES_FROM) return shortTime(value, now);
  if (/Ms(Max)?$/.test(name)) return html`${durationText(value)}`;
  if (/[bB]ytes(Max)?$/.test(name)) return html`${sizeText(value)}`;
  return html`${Number.isInteger(value) ? value.toLocaleString('en-GB') : value.toFixed(1)}`;
}

/** `nextDueAt` becomes `next due`; codes in capitals stay. */
function words(key: string): string {
  if (!/[a-z]/.test(key)) return key;
  return key
    .replace(/(At|Ms|Bytes)$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/^./, (letter) => letter.toUpperCase());
}
