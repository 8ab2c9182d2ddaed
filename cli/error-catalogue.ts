/** Every code that a user can meet, with its advice: for `feeds show`, and for docs/errors.md, which a test compares. */
import { CRAWLER_ERRORS, httpError } from '../crawler/errors.ts';
import { PARSE_ERRORS, PARSE_WARNINGS } from '../crawler/parse/errors.ts';
import { TESTCRAWL_ERRORS } from '../crawler/test-crawl/errors.ts';
import { WEBSUB_ERRORS } from '../crawler/websub/errors.ts';
import { REPLICATOR_ERRORS } from '../replicator/errors.ts';
import { SITE_ERRORS } from '../site/errors.ts';
import { STORE_ERRORS } from '../store/errors.ts';
import { CLI_ERRORS } from './errors.ts';

export interface CodeGroup {
  readonly title: string;
  /** The file that lists them. */
  readonly from: string;
  readonly about: string;
  readonly advice: Readonly<Record<string, string>>;
}

export const CODE_GROUPS: readonly CodeGroup[] = [
  {
    title: 'Commands and settings',
    from: 'cli/errors.ts',
    about: 'What `feedferry` prints when a command line, a setting or a file is wrong.',
    advice: CLI_ERRORS,
  },
  {
    title: 'Fetching and crawling',
    from: 'crawler/errors.ts',
    about: 'Stands in the history of a feed (`feedferry feeds show`, the page of the feed) and in crawl summaries.',
    advice: CRAWLER_ERRORS,
  },
  {
    title: 'Test crawls',
    from: 'crawler/test-crawl/errors.ts',
    about: 'What `feedferry crawl --test` refuses before it fetches anything.',
    advice: TESTCRAWL_ERRORS,
  },
  {
    title: 'Parsing',
    from: 'crawler/parse/errors.ts',
    about: 'The document came, but it is no feed, or no subscription list.',
    advice: PARSE_ERRORS,
  },
  {
    title: 'Parser warnings',
    from: 'crawler/parse/errors.ts',
    about: 'The feed was read; this was mended or left out on the way (`feedferry parse` shows them).',
    advice: PARSE_WARNINGS,
  },
  {
    title: 'Hubs (WebSub)',
    from: 'crawler/websub/errors.ts',
    about:
      'Why no hub pushes a feed, which is polled as ever meanwhile (`feedferry feeds show`, the page of the feed).',
    advice: WEBSUB_ERRORS,
  },
  {
    title: 'Web pages',
    from: 'site/errors.ts',
    about: 'Shown by the pages of `feedferry serve`.',
    advice: Object.fromEntries(Object.entries(SITE_ERRORS).map(([code, { advice }]) => [code, advice])),
  },
  {
    title: 'Replication, backups and failover',
    from: 'replicator/errors.ts',
    about: 'Copies of the store elsewhere: stands in `feedferry replicate status`, in logs, and ends commands.',
    advice: REPLICATOR_ERRORS,
  },
  {
    title: 'Store',
    from: 'store/errors.ts',
    about: 'The database behind everything.',
    advice: STORE_ERRORS,
  },
];

/** What to do about a code that was stored; empty for one that this version does not know. */
export function adviceOf(code: string): string {
  const status = /^FETCH_HTTP_(\d{3})$/.exec(code)?.[1];
  if (status !== undefined) return httpError(Number(status), '').advice;
  return CODE_GROUPS.find((group) => Object.hasOwn(group.advice, code))?.advice[code] ?? '';
}
