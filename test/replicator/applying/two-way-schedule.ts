/** Random schedules of edits and of replication among three sites, watched by `History`. */
import type { Replica, Version } from '../../../store/contract.ts';
import type { DatabaseName } from '../../../store/documents.ts';
import { canonicalJson } from '../../../store/envelope.ts';
import type { Random } from '../../contract/random.ts';
import { DATABASES, editedContent, KINDS, type Kind } from './two-way-contents.ts';
import { History } from './two-way-history.ts';
import { type Interruption, Link, type Mistake, type Site, USED } from './two-way-sites.ts';

const EDITS_MAX = 8;
const STEPS_MAX = 24;
/** Whatever happened, three sites have told each other everything after a few rounds; more is a loop. */
const ROUNDS_MAX = 12;
const PAGE = 100;

const TOPOLOGIES = {
  ring: ['ab', 'bc', 'ca'],
  line: ['ab', 'ba', 'bc', 'cb'],
  all: ['ab', 'ba', 'bc', 'cb', 'ac', 'ca'],
} as const;

/** The links of each topology, which go on where they were from one schedule to the next. */
export type Links = Readonly<Record<keyof typeof TOPOLOGIES, readonly Link[]>>;

export function linksOf(sites: readonly Site[], mistake: Mistake = 'none'): Links {
  const named = (name: string) => {
    const site = sites.find((one) => one.name === name);
    if (site === undefined) throw new Error(`no site ${name}`);
    return site;
  };
  const all = TOPOLOGIES.all.map((pair) => new Link(named(pair.charAt(0)), named(pair.charAt(1)), mistake));
  const some = (pairs: readonly string[]) => all.filter(({ from, to }) => pairs.includes(from.name + to.name));
  return { ring: some(TOPOLOGIES.ring), line: some(TOPOLOGIES.line), all };
}

interface Batch {
  readonly link: Link;
  readonly database: DatabaseName;
  readonly docs: readonly Replica<unknown>[];
}

/** A process that dies, or an answer that is lost. */
class Cut extends Error {}

export class Schedule {
  readonly trace: string[] = [];
  /** `merged`: documents that were neither what was there nor what came. */
  readonly tally = { edits: 0, deliveries: 0, listed: 0, merged: 0 };
  readonly #random: Random;
  readonly #sites: readonly Site[];
  readonly #links: readonly Link[];
  readonly #kinds = new Map<string, Kind>();
  readonly #histories = new Map<string, History>();
  /** Batches that are still under way somewhere, and will arrive late. */
  readonly #late: Batch[] = [];

  /** `id`: new for each schedule, as the stores are not. */
  constructor(options: { random: Random; sites: readonly Site[]; links: Links; id: string }) {
    this.#random = options.random;
    this.#sites = options.sites;
    const topology = this.#random.pick(['ring', 'line', 'all'] as const);
    this.#links = options.links[topology];
    this.trace.push(topology);
    for (let i = 0; i <= this.#random.below(2); i += 1) {
      const kind = this.#random.pick(KINDS);
      this.#kinds.set(`${options.id}.${i}`, kind);
      this.#histories.set(`${options.id}.${i}`, new History({ drops: kind === 'feed' }));
    }
  }

  /** What went wrong; nothing: all is well. */
  async run(): Promise<string[]> {
    for (const link of this.#links) await link.skip();
    const steps = 6 + this.#random.below(STEPS_MAX - 6);
    for (let step = 0; step < steps; step += 1) {
      if (this.tally.edits < EDITS_MAX && this.#random.chance(0.45)) await this.#edit(this.#random.pick(this.#sites));
      else await this.#replicate();
    }
    const problems = await this.#becomeQuiet();
    for (const history of this.#histories.values()) problems.push(...history.problems);
    return problems;
  }

  async #edit(site: Site, id = this.#random.pick([...this.#kinds.keys()])): Promise<Version> {
    const kind = this.#kinds.get(id) ?? 'feed';
    this.tally.edits += 1;
    site.moveClock(this.#random.pick([0, 0, 1, 5, 600_000, -600_000]));
    const there = (await site.versions(DATABASES[kind], [id])).get(id);
    const ver = await site.edit(DATABASES[kind], id, editedContent(this.#random, kind, there?.content));
    const now = (await site.versions(DATABASES[kind], [id])).get(id);
    this.#histories.get(id)?.edited(ver, there?.ver, now?.content ?? null);
    this.trace.push(`${site.name} edits ${id}: ${there?.ver} -> ${ver} ${JSON.stringify(now?.content)}`);
    return ver;
  }

  async #replicate(): Promise<void> {
    if (this.#late.length > 0 && this.#random.chance(0.3)) {
      const [batch] = this.#late.splice(this.#random.below(this.#late.length), 1);
      if (batch) await this.#deliver(batch);
      return;
    }
    const link = this.#random.pick(this.#links);
    const database = this.#random.pick(USED);
    const { docs, through } = await link.read(database, 1 + this.#random.below(4));
    const fate = this.#random.pick(['well', 'well', 'well', 'doubled', 'late', 'dropped', 'reversed'] as const);
    if (fate === 'dropped') return;
    if (fate === 'late') {
      this.#late.push({ link, database, docs });
      return;
    }
    const isDone = await this.#deliver({ link, database, docs: fate === 'reversed' ? docs.toReversed() : docs });
    if (fate === 'doubled') await this.#deliver({ link, database, docs });
    if (isDone) link.acknowledge(database, through);
  }

  /** False: it was cut off somewhere, and has to be repeated. */
  async #deliver(batch: Batch, mayFail = true): Promise<boolean> {
    const { link, database, docs } = batch;
    const { from, to } = link;
    const ids = docs.map(({ id }) => id);
    const before = new Map([...(await to.versions(database, ids))].map(([id, { ver }]) => [id, [ver]]));
    const listedBefore = await to.listed(database, ids);
    const end = await this.#attempt(batch, mayFail, before);
    const [after, listed] = [await to.versions(database, ids), await to.listed(database, ids)];
    this.tally.deliveries += docs.length;
    for (const { id, ver } of docs) {
      const now = after.get(id);
      const fresh = (listed.get(id) ?? []).filter((one) => !listedBefore.get(id)?.includes(one));
      const was = before.get(id) ?? [];
      this.tally.listed += fresh.length;
      if (was.length > 0 && now?.ver !== ver && now?.ver !== was.at(-1)) this.tally.merged += 1;
      this.trace.push(`${from.name}->${to.name} ${id}: ${ver} meets ${was}: ${now?.ver}, lists ${fresh} ${end}`);
      this.#histories.get(id)?.met({
        ...{ before: was, incoming: ver, listed: fresh, cut: end === 'cut' },
        after: { ver: now?.ver ?? ver, content: now?.content ?? null },
      });
    }
    return end === 'done';
  }

  /** A reader may edit in between, or the process may die before or after writing. */
  async #attempt({ link, database, docs }: Batch, mayFail: boolean, before: Map<string, Version[]>) {
    const fate = mayFail ? this.#random.pick(['', '', '', 'race', 'cut', 'lost'] as const) : '';
    let rounds = 0;
    const interruption: Interruption = {
      before: async () => {
        rounds += 1;
        if (fate === 'cut') throw new Cut();
        const id = docs.find((doc) => this.#kinds.has(doc.id))?.id;
        if (fate !== 'race' || rounds > 1 || id === undefined) return;
        before.set(id, [...(before.get(id) ?? []), await this.#edit(link.to, id)]);
      },
      after: () => {
        if (fate === 'lost') throw new Cut();
      },
    };
    try {
      await link.deliver(database, docs, interruption);
      return 'done';
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
      return fate;
    }
  }

  async #becomeQuiet(): Promise<string[]> {
    for (const batch of this.#late) await this.#deliver(batch, false);
    for (let round = 1; round <= ROUNDS_MAX; round += 1) {
      if (!(await this.#round())) return await this.#compare();
    }
    return [`the sites still send each other documents after ${ROUNDS_MAX} rounds`];
  }

  /** Everything over every link once. False: nothing was written anywhere. */
  async #round(): Promise<boolean> {
    let isNews = false;
    for (const link of this.#links) {
      for (const database of USED) {
        const { docs, through } = await link.read(database, PAGE);
        const ids = docs.map(({ id }) => id);
        const before = await link.to.versions(database, ids);
        await this.#deliver({ link, database, docs }, false);
        const after = await link.to.versions(database, ids);
        if (ids.some((id) => before.get(id)?.n !== after.get(id)?.n)) isNews = true;
        link.acknowledge(database, through);
      }
    }
    return isNews;
  }

  async #compare(): Promise<string[]> {
    const problems: string[] = [];
    for (const [id, kind] of this.#kinds) {
      const found = await Promise.all(this.#sites.map((site) => site.versions(DATABASES[kind], [id])));
      const texts = found.map((there) => {
        const doc = there.get(id);
        return doc ? canonicalJson([doc.ver, doc.org, doc.vv, doc.content, doc.delAt]) : 'nothing';
      });
      if (new Set(texts).size > 1) problems.push(`${id} differs: ${texts.join(' ')}`);
      const final = found[0]?.get(id)?.ver;
      if (final !== undefined) this.#histories.get(id)?.concluded(final);
    }
    return problems;
  }
}
