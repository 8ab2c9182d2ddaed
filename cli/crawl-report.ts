/** What `crawl --once` tells: the documented shape of its `--json`, and the table for people. Pure. */
import type { CrawlProgress, CrawlSummary } from '../crawler/crawler.ts';
import { bytes, counted, printable, span } from './text.ts';

export interface CrawlReport extends CrawlSummary {
  /** Of `--feeds`; null without it. */
  readonly imported: {
    readonly added: number;
    readonly known: number;
    readonly invalid: readonly { url: string; message: string }[];
  } | null;
  /** A signal ended it: `unfinished` feeds stay due. */
  readonly interrupted: boolean;
}

export function reportText(report: CrawlReport): string {
  const failed = Object.entries(report.failed).sort(([, a], [, b]) => b - a);
  const failures = failed.reduce((sum, [, n]) => sum + n, 0);
  const rows: [string, number, string][] = [
    ['fetched', report.fetched, ''],
    ['not modified', report.notModified, ''],
    ['failed', failures, ''],
    ...failed.map(([code, n]): [string, number, string] => ['', n, code]),
    ['not due', report.skipped, ''],
    ['unfinished', report.unfinished, ''],
    ['articles new', report.articlesNew, ''],
    ['articles changed', report.articlesChanged, ''],
    ['articles unchanged', report.articlesUnchanged, ''],
  ];
  const optional = new Set(['not due', 'unfinished']);
  const lines = rows
    .filter(([label, n]) => n > 0 || !optional.has(label))
    .map(
      ([label, n, note]) =>
        `  ${label.padEnd(20)}${n.toLocaleString('en').padStart(9)}${note === '' ? '' : `  ${note}`}`,
    );
  return `${headline(report)}\n\n${importText(report)}${lines.join('\n')}\n${hint(failures)}`;
}

function headline({ feeds, seconds, bytes: received, peakMemoryBytes }: CrawlReport): string {
  const rate = feeds > 0 && seconds > 0 ? `, ${rateText(feeds / seconds)}` : '';
  const memory = `${bytes(peakMemoryBytes)} of memory at most`;
  return `${counted(feeds, 'feed')} in ${seconds.toFixed(1)} s${rate}; ${bytes(received)} received; ${memory}`;
}

function importText({ imported }: CrawlReport): string {
  if (imported === null || imported.invalid.length === 0) return '';
  const lines = imported.invalid.map(({ url, message }) => `  left out: ${printable(url)}: ${printable(message)}`);
  return `${lines.join('\n')}\n\n`;
}

function hint(failures: number): string {
  return failures === 0 ? '' : '\nWhich failed, and what to do: feedferry feeds list --failing\n';
}

/** Fits 80 columns: `  120/2,000  6%  210 feeds/s  3 failed  1,400 new  12.3 MB  9 s left`. */
export function progressText(progress: CrawlProgress): string {
  const { done, total, failed, articlesNew, bytes: received, etaMs, feedsPerSecond } = progress;
  const share = total === 0 ? 100 : Math.floor((100 * done) / total);
  const parts = [
    `${done.toLocaleString('en')}/${total.toLocaleString('en')} feeds`,
    `${share}%`,
    rateText(feedsPerSecond),
    failed === 0 ? '' : `${failed.toLocaleString('en')} failed`,
    `${articlesNew.toLocaleString('en')} new`,
    bytes(received),
    etaMs === null ? '' : `${span(etaMs)} left`,
  ];
  return parts.filter((part) => part !== '').join('  ');
}

function rateText(feedsPerSecond: number): string {
  return `${feedsPerSecond < 10 ? feedsPerSecond.toFixed(1) : Math.round(feedsPerSecond).toLocaleString('en')} feeds/s`;
}
