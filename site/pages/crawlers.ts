import type { CrawlersShown, Site } from '../site.ts';
import { html, NOTHING, type Safe } from './html.ts';
import { shortTime } from './time.ts';

/** A section of `/status`: whether the crawlers are paused, why, and which processes crawl. Nothing where nobody can tell. */
export async function crawlersSection({ options, reading }: Site, now: number): Promise<Safe> {
  if (options.crawlers === undefined) return NOTHING;
  try {
    return section(await reading.reads.orDown(options.crawlers.status()), now);
  } catch (error) {
    if (!reading.reads.canGoOnAfter(error)) throw error;
    return NOTHING;
  }
}

function section({ state, sentence, note, queueError, processes }: CrawlersShown, now: number): Safe {
  const seen = processes.filter(({ isSeen }) => isSeen);
  const why = note === null || note.why === '' ? '' : `: ${note.why}`;
  const since =
    note === null || state === 'running'
      ? NOTHING
      : html`<p class="wrap" dir="auto">Since ${shortTime(note.since, now)}, by ${note.by}${why}.</p>`;
  const trouble =
    queueError === null
      ? NOTHING
      : html`<p class="wrap" dir="auto">${queueError.message} <code>${queueError.code}</code></p>`;
  return html`<section aria-labelledby="s-crawlers"><h2 id="s-crawlers">Crawlers of this site</h2>
<p>${sentence.replace(/^./, (letter) => letter.toUpperCase())}.</p>${since}${trouble}
${seen.length === 0 ? NOTHING : table(seen, now)}</section>
`;
}

function table(processes: CrawlersShown['processes'], now: number): Safe {
  return html`<div class="scroller" tabindex="0" role="region" aria-label="Crawlers"><table><thead><tr><th scope="col">Crawler</th><th scope="col">Process</th><th scope="col">State</th><th scope="col">In flight</th><th scope="col">Seen</th></tr></thead>
<tbody>${processes.map(({ command, host, pid, state, inFlight, seenAt }) => html`<tr><td><span class="wrap" dir="auto">${command} on ${host}</span></td><td>${String(pid)}</td><td>${state}</td><td>${inFlight.toLocaleString('en-GB')}</td><td>${shortTime(seenAt, now)}</td></tr>`)}</tbody></table></div>`;
}
