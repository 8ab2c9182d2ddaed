import type { ReplicationShown } from '../site.ts';
import { sizeText } from './article.ts';
import { html, NOTHING, type Safe } from './html.ts';
import { durationText, shortTime } from './time.ts';

/** A section of `/status`: each destination in a row, and under it why it is in that state. Nothing where there is none. */
export function replicationSection(destinations: readonly ReplicationShown[], now: number): Safe {
  if (destinations.length === 0) return NOTHING;
  return html`<section aria-labelledby="s-replication"><h2 id="s-replication">Replication</h2>
<div class="scroller" tabindex="0" role="region" aria-label="Destinations"><table><thead><tr><th scope="col">Destination</th><th scope="col">State</th><th scope="col">Behind</th><th scope="col">Lag</th><th scope="col">Rate</th></tr></thead>
<tbody>${destinations.map((one) => row(one, now))}</tbody></table></div>
</section>`;
}

function row(one: ReplicationShown, now: number): Safe {
  const { name, url, state, why, docsToDo, behindMs, lagMs, docsPerSecond, bytesPerSecond, lastError, conflicts } = one;
  const behind = docsToDo === 0 ? 'nothing' : `${count(docsToDo)} documents, ${durationText(behindMs)}`;
  const lag = lagMs === null ? '' : `${durationText(lagMs.p50)} (p99 ${durationText(lagMs.p99)})`;
  const rate = docsPerSecond < 1 ? '' : `${count(docsPerSecond)} documents/s, ${sizeText(bytesPerSecond)}/s`;
  const error =
    lastError === null ? NOTHING : html` Last error: <code>${lastError.code}</code>, ${shortTime(lastError.at, now)}.`;
  const conflict = conflicts === 0 ? NOTHING : html` ${count(conflicts)} conflicts.`;
  return html`<tr><td><strong>${name}</strong></td><td>${state}</td><td>${behind}</td><td>${lag}</td><td>${rate}</td></tr>
<tr><td colspan="5" class="muted"><span class="wrap" dir="auto">${url}: ${why}</span>${error}${conflict}</td></tr>`;
}

function count(n: number): string {
  return Math.round(n).toLocaleString('en-GB');
}
