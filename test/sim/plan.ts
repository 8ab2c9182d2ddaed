import type { DatabaseName } from '../../store/documents.ts';
import { type Random, seededRandom } from '../contract/random.ts';
import type { Engine } from './model/disk.ts';

/**
 * Who sends to whom.
 * - `copy`: A to B. `copies`: A to B and to C. `chain`: A to B, B to C.
 * - `failover`: as `copies`, until another site is promoted; whoever is the primary sends to the two others.
 * - `pair`: A and B both ways. `ring`: A to B to C to A, each two-way.
 */
export const TOPOLOGIES = ['copy', 'copies', 'chain', 'pair', 'ring', 'failover'] as const;
export type Topology = (typeof TOPOLOGIES)[number];

/** `site`: writers of readers or crawlers. `repl`: sends. `recv`: takes what others send. */
export type Role = 'site' | 'repl' | 'recv';

export type Action =
  | { kind: 'write'; site: number; database: DatabaseName; ids: readonly number[]; how: 'blind' | 'expect' | 'delete' }
  | { kind: 'wait' }
  | { kind: 'minute' }
  | { kind: 'crash'; site: number; role: Role; calls: number; isDone: boolean }
  | { kind: 'start'; site: number; role: Role }
  | { kind: 'stall'; site: number; role: Role }
  | { kind: 'wake'; site: number; role: Role }
  | { kind: 'net'; from: number; to: number; trouble: 'cut' | 'lossy' | 'deaf' | 'double' | 'late' | 'slow' | 'none' }
  | { kind: 'clock'; site: number; offsetMs: number }
  | { kind: 'power'; site: number; share: number }
  | { kind: 'takeover'; site: number; database: DatabaseName; which: number }
  | { kind: 'put-away'; site: number }
  | { kind: 'pause' | 'resume' | 'reseed' | 'stop'; site: number }
  /** A destination of this site gets these databases from now on; none: it is removed. `which` of its destinations. */
  | { kind: 'select'; site: number; which: number; databases: readonly DatabaseName[] }
  /** An operator's command, which is killed after so many calls; 0: it is not. */
  | { kind: 'promote' | 'demote' | 'rejoin'; site: number; calls: number }
  /** `verify --repair` from this site to another, also while both are written; `force`: what only that one has may go. */
  | { kind: 'repair'; site: number; to: number; force: boolean; calls: number }
  | { kind: 'backup'; site: number }
  | { kind: 'restore'; site: number };

export type Step = Action & { readonly gapMs: number };

/** One schedule: all that is to happen, but for small delays, which are drawn while it runs. */
export interface Plan {
  readonly seed: number;
  readonly topology: Topology;
  readonly engines: readonly Engine[];
  /** Senders open the store of a MongoDB-like site themselves. */
  readonly isDirect: boolean;
  readonly durability: 'sync' | 'lazy';
  readonly databases: readonly DatabaseName[];
  readonly batchDocs: number;
  readonly concurrency: number;
  readonly steps: readonly Step[];
}

export const STEPS_MIN = 20;
export const STEPS_MAX = 70;
const IDS = 4;
const CLOCK_OFF_MS_MAX = 600_000;

const DATABASES: readonly (readonly DatabaseName[])[] = [
  ['articles'],
  ['states'],
  ['subscriptions'],
  ['feeds'],
  ['articles', 'states'],
  ['feeds', 'subscriptions'],
];

/** `only`: of these topologies. `stepsMax`: fewer than so many, and at least 20. */
export function planOf(seed: number, only: readonly Topology[] = TOPOLOGIES, stepsMax = STEPS_MAX): Plan {
  const random = seededRandom(seed);
  const topology = random.pick(only);
  const sites = topology === 'copy' || topology === 'pair' ? 2 : 3;
  const databases = random.pick(DATABASES);
  const count = STEPS_MIN + random.below(stepsMax - STEPS_MIN);
  const engine = (): Engine => (random.chance(0.5) ? 'sqlite' : 'mongodb');
  const engines = Array.from({ length: sites }, engine);
  const scope: Scope = {
    random,
    topology,
    sites,
    databases,
    engines,
    selects: databases.length > 1 && random.chance(0.7),
  };
  // Some schedules are calm, some have everything at once.
  const wild = random.next();
  return {
    ...{ seed, topology, engines, databases },
    isDirect: random.chance(0.4),
    // What a primary lost with power is nobody's to crawl again once another site is the primary.
    durability: topology === 'failover' || random.chance(0.5) ? 'sync' : 'lazy',
    batchDocs: 1 + random.below(4),
    concurrency: 1 + random.below(3),
    steps: [...prologue(scope), ...Array.from({ length: count }, () => ({ ...draw(scope, wild), gapMs: gap(random) }))],
  };
}

/** Replicas first become some: an empty store that people write while it is taken for a new replica is a mishap. */
function prologue(scope: Scope): Step[] {
  const { topology, databases, sites, selects, random } = scope;
  const selected = Array.from({ length: sites }, (_each, site): Step => ({ ...select(scope, site), gapMs: 0 }));
  const first = selects && random.chance(0.5) ? selected : [];
  if (topology !== 'failover') return first;
  const writes = databases.map(
    (database): Step => ({ kind: 'write', site: 0, database, ids: [0, 1], how: 'blind', gapMs: 0 }),
  );
  return [...first, ...writes, { kind: 'wait', gapMs: 200 }];
}

interface Scope {
  readonly random: Random;
  readonly topology: Topology;
  readonly sites: number;
  readonly databases: readonly DatabaseName[];
  readonly engines: readonly Engine[];
  /** Destinations get some of the databases, and others later. */
  readonly selects: boolean;
}

function gap(random: Random): number {
  const at = random.next();
  if (at < 0.5) return random.next() * 3;
  if (at < 0.85) return random.next() * 40;
  return random.next() * 300;
}

function draw(scope: Scope, wild: number): Action {
  const { random } = scope;
  if (random.next() > 0.25 + wild * 0.4) return write(scope);
  const site = random.below(scope.sites);
  const role = random.pick<Role>(['site', 'repl', 'repl', 'recv']);
  const database = random.pick(scope.databases);
  if (scope.topology === 'failover' && random.chance(0.35)) return command(scope);
  if (scope.selects && random.chance(0.2)) return select(scope, site);
  const at = random.below(100);
  if (at < 18) return { kind: 'crash', site, role, calls: 1 + random.below(12), isDone: random.chance(0.6) };
  if (at < 30) return { kind: 'start', site, role };
  if (at < 38) return { kind: 'stall', site, role };
  if (at < 46) return { kind: 'wake', site, role };
  if (at < 62) return net(scope, site);
  if (at < 67) return { kind: 'clock', site, offsetMs: Math.round((random.next() * 2 - 1) * CLOCK_OFF_MS_MAX) };
  if (at < 73) return { kind: 'power', site, share: random.next() };
  if (at < 81) return { kind: 'takeover', site, database, which: random.below(4) };
  if (at < 85) return { kind: 'minute' };
  if (at < 86) return { kind: 'put-away', site };
  if (at < 89) return repair(scope, site);
  if (at < 93) return { kind: random.pick(['pause', 'resume', 'resume', 'reseed', 'stop'] as const), site };
  if (at < 96) return { kind: 'backup', site };
  return { kind: 'restore', site };
}

function select({ random, databases }: Scope, site: number): Action {
  const some = databases.filter(() => random.chance(0.6));
  return { kind: 'select', site, which: random.below(2), databases: some };
}

function repair({ random, topology, sites }: Scope, site: number): Action {
  const to = (site + 1 + random.below(sites - 1)) % sites;
  const calls = random.chance(0.4) ? 1 + random.below(25) : 0;
  // Where others write, too, force would throw away what they wrote.
  return { kind: 'repair', site, to, force: isCopying(topology) && site === 0 && random.chance(0.5), calls };
}

function command({ random, sites }: Scope): Action {
  const kind = random.pick(['promote', 'promote', 'rejoin', 'rejoin', 'demote'] as const);
  return { kind, site: random.below(sites), calls: random.chance(0.4) ? 1 + random.below(25) : 0 };
}

function write({ random, topology, sites, databases }: Scope): Action {
  const isShared = topology === 'pair' || topology === 'ring' || topology === 'failover';
  const site = isShared || random.chance(0.05) ? random.below(sites) : 0;
  const ids = new Set(Array.from({ length: 1 + random.below(3) }, () => random.below(IDS)));
  const at = random.next();
  const how = at < 0.15 ? 'delete' : at < 0.6 ? 'expect' : 'blind';
  return { kind: 'write', site, database: random.pick(databases), ids: [...ids], how };
}

function net({ random, sites }: Scope, from: number): Action {
  const to = (from + 1 + random.below(sites - 1)) % sites;
  const trouble = random.pick(['cut', 'lossy', 'deaf', 'double', 'late', 'slow', 'none'] as const);
  // A site's way to its own server, where it has one.
  return { kind: 'net', from, to: random.chance(0.2) ? from : to, trouble };
}

/** Only A is ever written. */
export function isCopying(topology: Topology): boolean {
  return topology === 'copy' || topology === 'copies' || topology === 'chain';
}

export function isTwoWay({ topology }: Plan): boolean {
  return topology === 'pair' || topology === 'ring';
}

/** Who may send to whom. */
export function edgesOf({ topology }: Plan): readonly (readonly [number, number])[] {
  switch (topology) {
    case 'copy':
      return [[0, 1]];
    case 'copies':
      return [
        [0, 1],
        [0, 2],
      ];
    case 'chain':
      return [
        [0, 1],
        [1, 2],
      ];
    case 'pair':
      return [
        [0, 1],
        [1, 0],
      ];
    case 'failover':
      return [
        [0, 1],
        [0, 2],
        [1, 0],
        [1, 2],
        [2, 0],
        [2, 1],
      ];
    case 'ring':
      return [
        [0, 1],
        [1, 2],
        [2, 0],
      ];
  }
}
