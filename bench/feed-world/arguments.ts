import { parseArgs } from 'node:util';
import { worldError } from './errors.ts';
import type { FeedFormat, FeedKind } from './kinds.ts';
import type { WorldOptions } from './options.ts';

/** What the command line of `main.ts` says. */
export interface WorldArguments {
  readonly world: Partial<WorldOptions>;
  readonly port: number;
  /** Where to write the OPML file; null: nowhere. */
  readonly opml: string | null;
  /** Where to append the access log as JSON lines; null: nowhere. */
  readonly log: string | null;
  readonly json: boolean;
  /** Make every document before saying that all is ready. */
  readonly prepare: boolean;
  /** How many times faster than the wall clock the world's time goes by itself; 0: only when told. */
  readonly speed: number;
  /** End when standard input ends, so that the world never outlives whoever started it. */
  readonly withStdin: boolean;
  readonly help: boolean;
}

export const WORLD_HELP = `Serves a made-up world of feeds on loopback addresses.

  node bench/feed-world/main.ts --feeds 2000 --port 0 --opml feeds.opml --json

  --seed N              everything follows from it (default 1)
  --feeds N             (default 100)
  --entries N           in each feed (default 30)
  --bytes N             about how long each feed is (default 60000)
  --hosts N             loopback addresses to spread them over (default: one each)
  --share KIND=0.1      share of feeds that behave so; may be repeated (default: all steady)
  --format atom=0.25    share of feeds of this format; may be repeated (rest: rss)
  --interval MIN,MAX    seconds between the entries of a feed (default 3600,259200)
  --start TIME          when the world begins, ISO 8601 (default 2026-01-01T00:00:00Z)
  --speed N             the world's seconds in a second (default 0: advances when told)
  --edit-share F        share of entries that are edited once
  --max-age SECONDS     send Cache-Control: max-age
  --slow-ms MS          how long feeds of the kind "slow" wait (default 2000)
  --retry-after SECONDS of feeds of the kind "too-many" (default 120)
  --no-gzip             never compress
  --port N              of every host (default 0: a free one)
  --opml FILE           write the list of feeds
  --log FILE            append every request as a JSON line
  --prepare             make all documents before saying "ready"
  --with-stdin          end when standard input ends
  --json                say "ready" as a JSON line
`;

/** Throws WORLD_OPTION_INVALID; ranges are checked later, by `makeWorld`. */
export function readArguments(argv: readonly string[]): WorldArguments {
  const { values } = parse(argv);
  const world: { -readonly [K in keyof WorldOptions]?: WorldOptions[K] } = {};
  for (const name of ['seed', 'feeds', 'entries', 'bytes', 'hosts'] as const) {
    if (values[name] !== undefined) world[name] = toNumber(name, values[name]);
  }
  if (values.share) world.shares = toShares<FeedKind>('share', values.share);
  if (values.format) world.formats = toShares<FeedFormat>('format', values.format);
  if (values.interval !== undefined) {
    const [low, high] = values.interval.split(',').map((part) => toNumber('interval', part) * 1000);
    world.intervalMinMs = low ?? 0;
    world.intervalMaxMs = high ?? low ?? 0;
  }
  if (values.start !== undefined) world.startMs = Date.parse(values.start);
  if (values['edit-share'] !== undefined) world.editShare = toNumber('edit-share', values['edit-share']);
  if (values['max-age'] !== undefined) world.maxAgeS = toNumber('max-age', values['max-age']);
  if (values['slow-ms'] !== undefined) world.slowMs = toNumber('slow-ms', values['slow-ms']);
  if (values['retry-after'] !== undefined) world.retryAfterS = toNumber('retry-after', values['retry-after']);
  if (values['no-gzip']) world.gzip = false;
  return {
    world,
    port: toNumber('port', values.port ?? '0'),
    opml: values.opml ?? null,
    log: values.log ?? null,
    json: values.json ?? false,
    prepare: values.prepare ?? false,
    speed: toNumber('speed', values.speed ?? '0'),
    withStdin: values['with-stdin'] ?? false,
    help: values.help ?? false,
  };
}

function parse(argv: readonly string[]) {
  const one = { type: 'string' } as const;
  const many = { type: 'string', multiple: true } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...argv],
      options: {
        seed: one,
        feeds: one,
        entries: one,
        bytes: one,
        hosts: one,
        share: many,
        format: many,
        interval: one,
        start: one,
        speed: one,
        'edit-share': one,
        'max-age': one,
        'slow-ms': one,
        'retry-after': one,
        'no-gzip': flag,
        port: one,
        opml: one,
        log: one,
        prepare: flag,
        'with-stdin': flag,
        json: flag,
        help: flag,
      },
    });
  } catch (error) {
    throw worldError('WORLD_OPTION_INVALID', error instanceof Error ? error.message : String(error), argv.join(' '));
  }
}

function toNumber(name: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw worldError('WORLD_OPTION_INVALID', `--${name} must be a number, not ${text}`, text);
}

function toShares<Name extends string>(name: string, list: readonly string[]): Partial<Record<Name, number>> {
  const shares: Partial<Record<string, number>> = {};
  for (const item of list) {
    const [key = '', value = ''] = item.split('=');
    shares[key] = toNumber(name, value);
  }
  return shares as Partial<Record<Name, number>>;
}
