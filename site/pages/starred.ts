import { cursorText } from '../input.ts';
import type { Site } from '../site.ts';
import type { Page, Visit } from '../visit.ts';
import { articleList } from './article-list.ts';
import { html } from './html.ts';

/** `/starred`: all starred articles, newest first, whether their feeds are still followed or not. */
export async function starredPage(site: Site, visit: Visit): Promise<Page> {
  const before = visit.query.cursor('before');
  const list = await site.reading.starred(visit.shelf, before);
  const rows = articleList({
    visit,
    list,
    origin: { kind: 'starred' },
    namesFeeds: true,
    olderPath: list.next === null ? null : `/starred?before=${cursorText(list.next)}`,
    newestPath: before === null ? null : '/starred',
  });
  const main = html`<div class="head"><h1>Starred</h1>${visit.stars === 0 ? null : html`<p class="head-note">${visit.stars === 1 ? 'One article' : `${visit.stars} articles`}</p>`}</div>
${list.items.length === 0 ? html`<div class="empty"><p><strong>No stars yet.</strong></p><p>The star beside an article keeps it in this list.</p></div>` : null}
${rows}`;
  return { title: 'Starred', main, place: 'starred' };
}
