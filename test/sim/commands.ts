import { FENCED_NOTE } from '../../replicator/failover/fence-source.ts';
import { RemoteTarget, type Way } from './network.ts';
import { Operator, roleOf } from './operator.ts';
import type { Oracle } from './oracle.ts';
import type { Plan } from './plan.ts';
import type { Site } from './site.ts';
import type { World } from './world.ts';

const REJOIN_TRIES_MAX = 5;
const DISCARD_TRIES_MAX = 5;
const AGAIN_MS = 400;
const LOOK_MS = 120;

interface Scope {
  readonly world: World;
  readonly oracle: Oracle;
  readonly plan: Plan;
  readonly sites: readonly Site[];
  /** By `FROM TO`, as places in `sites`. */
  readonly ways: ReadonlyMap<string, Way>;
}

/** What operators decide on: which command, where, against whom, and again if need be. */
export class Commands {
  /** The last commands of a schedule are under way, which bring the sites together. */
  isAgreeing = false;
  readonly #scope: Scope;
  readonly #operator: Operator;

  constructor(scope: Scope) {
    this.#scope = scope;
    this.#operator = new Operator(scope.oracle);
  }

  /** Documents that files of rejoining sites list. */
  get listed(): ReadonlySet<string> {
    return this.#operator.listed;
  }

  /** `calls`: it is killed after so many; 0: it is not. */
  async give(site: Site, kind: 'promote' | 'demote' | 'rejoin', calls = 0): Promise<boolean> {
    const { proc, store } = site.openByHand();
    if (calls > 0) proc.crashIn(calls, true);
    // What never was part of anything has nothing to lose or to hand over.
    if (roleOf(site) === undefined && site.name !== 'A') return false;
    if (kind === 'demote') return await this.#operator.demote(proc, store);
    if (kind === 'promote') {
      // One that was killed is given again: half a primary is nobody's.
      if (calls > 0) this.#scope.world.after(AGAIN_MS, () => void this.give(site, 'promote'));
      if (!(await this.#operator.promote(proc, store, site, this.#epochFor(site)))) return false;
      // One that found itself fenced before waits for the operator.
      site.proc('repl')?.crash('to start anew as that of a primary');
      site.start('repl');
      return true;
    }
    const to = primaryOf(this.#scope.sites);
    const way = this.#scope.ways.get(`${this.#scope.sites.indexOf(site)} ${to ? this.#scope.sites.indexOf(to) : ''}`);
    if (!to || to === site || !way) return false;
    const target = new RemoteTarget(`https://${to.name}`, proc, way, () => to.receiver);
    // Its own sender goes on, if it has one: nobody takes anything of it.
    return await this.#operator.rejoin(proc, store, target);
  }

  async repair(site: Site, to: Site, how: { readonly force: boolean; readonly calls: number }): Promise<boolean> {
    const { proc, store } = site.openByHand();
    if (how.calls > 0) proc.crashIn(how.calls, true);
    const way =
      this.#scope.ways.get(`${this.#scope.sites.indexOf(site)} ${this.#scope.sites.indexOf(to)}`) ??
      this.#scope.ways.get('0 1');
    if (!way) return false;
    const far = new RemoteTarget(`https://${to.name}`, proc, way, () => to.receiver);
    const source = { store, target: site.targetOf(proc, store) };
    return await this.#operator.repair(proc, [source, far], this.#scope.plan.databases, how.force);
  }

  /** A careful operator names one where others were promoted, too; undefined: the next one by itself is above all. */
  #epochFor(site: Site): number | undefined {
    const others = this.#scope.sites.filter((other) => other !== site).map((other) => epochOf(other));
    const highest = Math.max(...others);
    const isAbove = isPrimary(site) ? epochOf(site) > highest : epochOf(site) >= highest;
    return isAbove && !site.disk.notes.has(FENCED_NOTE) ? undefined : Math.max(highest, epochOf(site)) + 1;
  }

  /** The source was restored to an older copy, and so be it: what its copies have beyond that goes. */
  async discard(): Promise<void> {
    this.isAgreeing = true;
    const [source, ...copies] = this.#scope.sites;
    for (let tries = 0; tries < DISCARD_TRIES_MAX && source; tries += 1) {
      for (const copy of copies) await this.repair(source, copy, { force: true, calls: 0 });
      if (this.#scope.oracle.differences().length === 0) break;
    }
    this.isAgreeing = false;
  }

  /** In the end there is one primary, whoever was promoted last, and all others have come back to it. */
  async agree(): Promise<void> {
    this.isAgreeing = true;
    // Commands that were stalled come to their end first.
    while (this.#operator.pending > 0) await new Promise<void>((resolve) => this.#scope.world.after(LOOK_MS, resolve));
    const primary = primaryOf(this.#scope.sites) ?? this.#scope.sites[0];
    if (!primary) return;
    await this.give(primary, 'promote');
    for (const site of this.#scope.sites) {
      if (site === primary) continue;
      for (let tries = 0; tries < REJOIN_TRIES_MAX && !(await this.give(site, 'rejoin')); tries += 1) {
        // The role that a promotion wrote before it was killed may arrive as late as this: then there are two primaries.
        await this.give(primary, 'promote');
      }
    }
    this.isAgreeing = false;
  }
}

/** Of those that take themselves for it the one with the highest epoch. */
export function primaryOf(sites: readonly Site[]): Site | undefined {
  return sites.filter(isPrimary).toSorted((a, b) => epochOf(b) - epochOf(a))[0];
}

function isPrimary(site: Site): boolean {
  return roleOf(site)?.role === 'primary' || (roleOf(site) === undefined && site.name === 'A');
}

function epochOf(site: Site): number {
  return roleOf(site)?.epoch ?? 0;
}
