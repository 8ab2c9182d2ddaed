/** The flags of `crawl --test`, read and checked. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { FeedChoice } from '../crawler/test-crawl/choose-feeds.ts';
import type { Thresholds } from '../crawler/test-crawl/verdict.ts';
import type { Invocation } from './command.ts';
import { cliError } from './errors.ts';
import { duration, integer, type Kind } from './setting-kinds.ts';

const DAY_MS = 24 * 3_600_000;
const FEEDS_MAX = 10_000_000;

/** What may fail or differ before the exit code says so, in percent. */
const PERCENT_DEFAULT = 5;

export const TEST_FLAGS: readonly (readonly [flags: string, about: string])[] = [
  ['--test', 'a test crawl: feeds of --feeds-from into a store of its own, then a report'],
  ['--feeds-from <SOURCE>', 'the store (URL), backup file or OPML file whose feeds are fetched; only read'],
  ['--rate <N>', 'fetches a second at most (default: as hosts and --concurrency allow)'],
  ['--duration <TIME>', 'begin nothing more after this, such as 10m'],
  ['--max-feeds <N>', 'the first N feeds only'],
  ['--sample <N>', 'N feeds at random'],
  ['--seed <TEXT>', 'with --sample: the same text picks the same feeds'],
  ['--into-existing', 'also into a store that holds what no test crawl put there'],
  ['--max-errors <PCT>', 'exit code 3 if more feeds fail that work at production (default: 5)'],
  ['--max-differences <PCT>', 'exit code 3 if more articles differ without a reason (default: 5)'],
  ['--report <FILE...>', 'also write the report to FILE.json or FILE.html'],
];

export interface TestCrawlWishes {
  readonly from: string;
  readonly choice: FeedChoice;
  readonly thresholds: Thresholds;
  readonly rate: number | null;
  readonly durationMs: number | null;
  readonly intoExisting: boolean;
  readonly force: boolean;
  readonly reports: readonly string[];
}

type Options = Invocation['options'];

/** Flags of a test crawl without `--test` would be lost without a word. Throws USAGE_INVALID. */
export function refuseTestFlags(options: Options): void {
  for (const [flags] of TEST_FLAGS) {
    const flag = flags.split(' ')[0] ?? '';
    if (options[nameOf(flag)] !== undefined) throw cliError('USAGE_INVALID', `${flag} goes with --test only`);
  }
}

/** Throws USAGE_INVALID and FILE_UNWRITABLE. */
export async function testCrawlWishes({ options, io }: Invocation): Promise<TestCrawlWishes> {
  for (const flag of ['--once', '--feeds', '--queue']) {
    if (options[nameOf(flag)] !== undefined) throw cliError('USAGE_INVALID', `${flag} does not go with --test`);
  }
  const from = required(options, '--feeds-from', 'where shall the feeds come from?');
  // Settings from elsewhere are those of the service.
  required(options, '--store', 'a test crawl needs a store of its own');
  required(options, '--user-agent', 'a test crawl needs a name of its own, so that publishers can tell it apart');
  const reports = ((options.report as string[] | undefined) ?? []).map((path) => resolve(io.cwd, path));
  for (const path of reports) await requireReportPath(path);
  return {
    ...{ from, reports, choice: choiceFrom(options) },
    thresholds: {
      errorsPercentMax: read(options, '--max-errors', percent) ?? PERCENT_DEFAULT,
      differencesPercentMax: read(options, '--max-differences', percent) ?? PERCENT_DEFAULT,
    },
    rate: read(options, '--rate', perSecond),
    durationMs: read(options, '--duration', duration(1_000, 30 * DAY_MS)),
    intoExisting: options.intoExisting === true,
    force: options.force === true,
  };
}

function choiceFrom(options: Options): FeedChoice {
  const max = read(options, '--max-feeds', integer(1, FEEDS_MAX));
  const sample = read(options, '--sample', integer(1, FEEDS_MAX));
  if (max !== null && sample !== null) throw cliError('USAGE_INVALID', '--max-feeds does not go with --sample');
  if (options.seed !== undefined && sample === null) throw cliError('USAGE_INVALID', '--seed goes with --sample only');
  const seed = typeof options.seed === 'string' ? options.seed : randomBytes(4).toString('hex');
  return { max, sample, seed: sample === null ? '' : seed };
}

/** A test crawl may run for a day: it must not end where its report has no place. */
async function requireReportPath(path: string): Promise<void> {
  if (!/\.(?:json|html)$/.test(path)) {
    throw cliError('USAGE_INVALID', `--report is "${path}". It must end in .json or .html.`, { input: path });
  }
  try {
    await access(dirname(path), constants.W_OK);
  } catch (cause) {
    throw cliError('FILE_UNWRITABLE', `Cannot write ${path}: its folder can't be written to`, { input: path, cause });
  }
}

function decimal(min: number, max: number, allowed: string): Kind<number> {
  return {
    ...{ allowed, placeholder: 'N', show: String },
    read(raw) {
      const value = typeof raw === 'string' && /^\d{1,9}(?:\.\d{1,6})?$/.test(raw) ? Number(raw) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

const percent = decimal(0, 100, 'a number from 0 to 100, such as 2.5');
const perSecond = decimal(0.001, 10_000, 'a number from 0.001 to 10000, such as 0.5 or 20');

/** Null: not given. */
function read<T>(options: Options, flag: string, kind: Kind<T>): T | null {
  const raw = options[nameOf(flag)];
  if (raw === undefined) return null;
  const value = kind.read(raw);
  if (value !== undefined) return value;
  throw cliError('USAGE_INVALID', `${flag} is "${String(raw)}". It must be ${kind.allowed}.`, { input: String(raw) });
}

function required(options: Options, flag: string, why: string): string {
  const value = options[nameOf(flag)];
  if (typeof value === 'string' && value !== '') return value;
  throw cliError('USAGE_INVALID', `--test needs ${flag}: ${why}`);
}

/** `--feeds-from` is `feedsFrom`. */
function nameOf(flag: string): string {
  return flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
