import { parseArgs } from 'node:util';

export interface CrawlBenchSettings {
  readonly feeds: number;
  readonly entries: number;
  readonly bytes: number;
  readonly hosts: number;
  readonly seed: number;
  readonly gzip: boolean;
  readonly runs: number;
  readonly store: 'sqlite' | 'mongodb';
  readonly peer: 'miniflux' | 'none';
  /** What the peer's database promises of an acknowledged commit; `lazy` is what Feedferry's crawler asks of its own. */
  readonly peerDurability: 'sync' | 'lazy';
  readonly concurrency: number;
  readonly raw: boolean;
  /** Longest wait, in seconds, for a calm machine before each pair of runs. */
  readonly calm: number;
  /** Where the CPU profiles of one more run go; null: no such run. */
  readonly profile: string | null;
  /** Numbers of processes that crawl together, in place of everything else; null: one process, all phases. */
  readonly workers: readonly number[] | null;
}

export const FORMATS = { atom: 0.3 } as const;

/** Throws a TypeError that says what is wrong. */
export function readSettings(argv: readonly string[]): CrawlBenchSettings {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      feeds: { type: 'string', default: '2000' },
      entries: { type: 'string', default: '30' },
      bytes: { type: 'string', default: '60000' },
      hosts: { type: 'string' },
      seed: { type: 'string', default: '1' },
      'no-gzip': { type: 'boolean', default: false },
      runs: { type: 'string', default: '3' },
      store: { type: 'string', default: 'sqlite' },
      peer: { type: 'string', default: 'miniflux' },
      'peer-durability': { type: 'string', default: 'lazy' },
      concurrency: { type: 'string', default: '32' },
      'no-raw': { type: 'boolean', default: false },
      calm: { type: 'string', default: '0' },
      profile: { type: 'string' },
      workers: { type: 'string' },
    },
  });
  const feeds = count('feeds', values.feeds);
  return {
    feeds,
    entries: count('entries', values.entries),
    bytes: count('bytes', values.bytes),
    hosts: values.hosts === undefined ? feeds : count('hosts', values.hosts),
    seed: count('seed', values.seed),
    gzip: !values['no-gzip'],
    runs: count('runs', values.runs),
    store: oneOf('store', values.store, ['sqlite', 'mongodb']),
    peer: oneOf('peer', values.peer, ['miniflux', 'none']),
    peerDurability: oneOf('peer-durability', values['peer-durability'], ['sync', 'lazy']),
    concurrency: count('concurrency', values.concurrency),
    raw: !values['no-raw'],
    calm: values.calm === '0' ? 0 : count('calm', values.calm),
    profile: values.profile ?? null,
    workers: values.workers === undefined ? null : values.workers.split(',').map((one) => count('workers', one)),
  };
}

/** The world that these settings want, as arguments of `feed-world/main.ts`. */
export function worldArguments(settings: CrawlBenchSettings): string[] {
  const { feeds, entries, bytes, hosts, seed } = settings;
  const numbers = Object.entries({ feeds, entries, bytes, hosts, seed }).flatMap(([name, n]) => [`--${name}`, `${n}`]);
  return [...numbers, '--format', `atom=${FORMATS.atom}`, ...(settings.gzip ? [] : ['--no-gzip'])];
}

export function count(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new TypeError(`--${name} must be a whole number above 0, not ${text}`);
}

export function oneOf<const T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new TypeError(`--${name} must be ${choices.join(' or ')}, not ${text}`);
}
