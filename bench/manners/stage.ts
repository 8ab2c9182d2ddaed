/** Who plays where: each publisher with its addresses, and when its feed begins to be followed. Pure. */
import type { WorldFeed } from '../feed-world/feed.ts';
import { makeWorld, type World } from '../feed-world/world.ts';
import { CAST, CROWD, KIND_NAMES } from './cast.ts';
import { PLACES, type Place, type PublisherKind } from './publisher.ts';

export interface StageOptions {
  readonly seed: number;
  readonly feeds: number;
  readonly days: number;
  readonly startMs: number;
}

export interface Publisher {
  readonly index: number;
  /** Of the cast, or `crowd`. */
  readonly kindName: string;
  readonly kind: PublisherKind;
  readonly feed: WorldFeed;
  /** Numbers of hosts. */
  readonly homeHost: number;
  readonly awayHost: number;
  /** Imported in the middle of the play. */
  readonly late: boolean;
}

export interface Stage {
  readonly options: StageOptions;
  readonly world: World;
  readonly publishers: readonly Publisher[];
  readonly hosts: number;
  readonly endMs: number;
  /** Of the import in the middle. */
  readonly middleMs: number;
}

export const HUB_HOST = 0;
const CROWD_HOST = 1;
const HOSTS_BEFORE = 2;

const DAY_MS = 24 * 3_600_000;
/** Small documents: what is looked at is when and how they are asked for. */
const ENTRIES = 4;
const BYTES = 2_500;
/** So many of the feeds live on one host, of those that were there first and of those that are imported. */
const CROWD_SHARE = 0.15;

export function makeStage(options: StageOptions): Stage {
  const { seed, feeds, days, startMs } = options;
  const rhythm = { intervalMinMs: 3_600_000, intervalMaxMs: 5 * DAY_MS };
  const world = makeWorld({ seed, feeds, hosts: 1, startMs, entries: ENTRIES, bytes: BYTES, formats: {}, ...rhythm });
  const crowd = Math.max(2, Math.round(feeds * CROWD_SHARE));
  const alone = feeds - crowd;
  // Each kind once before any comes twice; the second half of all is imported later.
  const first = Math.max(Math.min(KIND_NAMES.length, alone), Math.ceil(alone * 0.6));
  const publishers = world.feeds.map((feed, index): Publisher => {
    const inCrowd = index >= alone;
    const kindName = inCrowd ? 'crowd' : (KIND_NAMES[index % KIND_NAMES.length] ?? 'both-validators');
    return {
      ...{ index, kindName, feed, awayHost: HOSTS_BEFORE + 2 * index + 1 },
      kind: inCrowd ? CROWD : kindOf(kindName),
      homeHost: inCrowd ? CROWD_HOST : HOSTS_BEFORE + 2 * index,
      late: inCrowd ? (index - alone) % 2 === 1 : index >= first,
    };
  });
  const endMs = startMs + days * DAY_MS;
  return {
    options,
    world,
    publishers,
    hosts: HOSTS_BEFORE + 2 * feeds,
    endMs,
    middleMs: startMs + (days * DAY_MS) / 2,
  };
}

function kindOf(name: string): PublisherKind {
  const kind = (CAST as Readonly<Record<string, PublisherKind>>)[name];
  if (kind === undefined) throw new RangeError(`there is no kind ${name}`);
  return kind;
}

export function joinedMs(stage: Stage, { late }: Publisher): number {
  return late ? stage.middleMs : stage.options.startMs;
}

export function hostOfPlace({ homeHost, awayHost }: Publisher, place: Place): number {
  if (place === 'hub') return HUB_HOST;
  return place === 'away' ? awayHost : homeHost;
}

export function pathOfPlace({ feed }: Publisher, place: Place): string {
  if (place === 'page') return `/${feed.slug}/`;
  return `/${feed.slug}/${place === 'beside' ? 'new' : 'feed'}.xml`;
}

/** Which publisher and place a path of a host is; null: none. */
export function placeAt(stage: Stage, host: number, path: string): { publisher: Publisher; place: Place } | null {
  const slug = /^\/s(\d+)\//.exec(path)?.[1];
  const publisher = slug === undefined ? undefined : stage.publishers[Number(slug)];
  if (publisher === undefined) return null;
  const place = PLACES.find((one) => hostOfPlace(publisher, one) === host && pathOfPlace(publisher, one) === path);
  return place === undefined ? null : { publisher, place };
}
