/** A model of two sites in which anything may happen between any two calls of the verifier. */
import t from 'tap';
import { checkpointFrom, checkpointTo } from '../../../replicator/checkpoint.ts';
import type { Runtime } from '../../../replicator/runtime.ts';
import { lookAt, sidesOf } from '../../../replicator/verify/look.ts';
import type { VerifyReport } from '../../../replicator/verify/report.ts';
import { verify } from '../../../replicator/verify/verify.ts';
import { type Random, seededRandom, testSchedules, testSeed } from '../../contract/random.ts';
import { ModelSide } from './verify-model.ts';

const DATABASE = 'articles';
const DOCS = 40;

interface WorldOptions {
  readonly twoWay: boolean;
  /** Which end keeps checkpoints: the verifier must do with either, or none. */
  readonly checkpoints: 'both' | 'source' | 'none';
}

/** A source that is written, a replicator that follows, and with `twoWay` the same the other way. */
class World {
  readonly source: ModelSide;
  readonly destination: ModelSide;
  readonly runtime: Runtime;
  readonly #random: Random;
  readonly #options: WorldOptions;
  readonly #spared = new Set<string>();
  #applied = { there: 0, back: 0 };
  /** How much happens between two calls; also so much that a document changes and arrives several times. */
  readonly #haste: number;

  constructor(random: Random, options: WorldOptions) {
    this.#random = random;
    this.#options = options;
    this.#haste = random.pick([2, 5, 12]);
    const between = (): void => this.#steps(random.below(this.#haste));
    this.source = new ModelSide('aaaaaaaa', random.chance(0.5) ? 'n' : 'words', between);
    this.destination = new ModelSide('bbbbbbbb', random.chance(0.5) ? 'n' : 'words', between);
    // A pause is long enough for a replicator without checkpoints to have brought what was written before it.
    this.runtime = { clock: () => 0, elapsed: () => 0, random: random.next, sleep: async () => this.#pause() };
  }

  /** Documents that nobody writes from here on, so that what is done to them is not undone. */
  spare(id: string): string {
    this.#spared.add(id);
    return id;
  }

  fill(): void {
    for (let i = 0; i < DOCS; i += 1) this.source.edit(`doc-${i}`, { i });
    this.#replicate('there', Number.POSITIVE_INFINITY);
    if (this.#options.checkpoints === 'none') return;
    // A replicator begins with its notes.
    const { source, destination } = this;
    source.saveCheckpoint(checkpointTo(destination.site, DATABASE), this.#applied.there);
    if (this.#options.twoWay) destination.saveCheckpoint(checkpointTo(source.site, DATABASE), 0);
  }

  #pause(): void {
    this.#steps(20);
    if (this.#options.checkpoints !== 'none') return;
    this.#replicate('there', Number.POSITIVE_INFINITY);
    if (this.#options.twoWay) this.#replicate('back', Number.POSITIVE_INFINITY);
  }

  #steps(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const dice = this.#random.next();
      if (dice < 0.4) this.#write(this.source);
      else if (dice < 0.5) this.#write(this.#options.twoWay ? this.destination : this.source);
      else if (dice < 0.8) this.#replicate('there', this.#random.below(5));
      else if (this.#options.twoWay) this.#replicate('back', this.#random.below(5));
    }
  }

  #write(side: ModelSide): void {
    const id = `doc-${this.#random.chance(0.5) ? DOCS + this.#random.below(3) : this.#random.below(DOCS * 2)}`;
    if (!this.#spared.has(id)) side.edit(id, this.#random.chance(0.2) ? null : { v: this.#random.next() });
  }

  #replicate(way: 'there' | 'back', docsMax: number): void {
    const [from, to] = way === 'there' ? [this.source, this.destination] : [this.destination, this.source];
    const ahead = [...from.docs.values()].filter(({ n }) => n > this.#applied[way]).sort((a, b) => a.n - b.n);
    const batch = ahead.slice(0, docsMax);
    // Applied in any order; some of a batch may be there before its checkpoint is.
    for (const doc of this.#random.chance(0.5) ? batch : batch.toReversed()) to.apply(doc);
    if (this.#random.chance(0.2) && docsMax < DOCS) return;
    this.#applied[way] = batch.length < ahead.length ? (batch.at(-1)?.n ?? this.#applied[way]) : from.last;
    if (this.#options.checkpoints === 'none') return;
    if (this.#random.chance(0.5)) from.saveCheckpoint(checkpointTo(to.site, DATABASE), this.#applied[way]);
    if (this.#options.checkpoints === 'both')
      to.saveCheckpoint(checkpointFrom(from.site, DATABASE), this.#applied[way]);
  }

  verify(deep: boolean): Promise<VerifyReport> {
    const { source, destination, runtime } = this;
    return verify({ source, destination, runtime, databases: [DATABASE], deep });
  }
}

function namesIn({ databases }: VerifyReport): string[] {
  const found = databases.flatMap(({ findings }) => findings);
  return found.map(({ kind, id, damaged }) => [kind, id, ...damaged].join(' ')).sort();
}

const OPTIONS: readonly WorldOptions[] = [false, true].flatMap((twoWay) =>
  (['both', 'source', 'none'] as const).map((checkpoints) => ({ twoWay, checkpoints })),
);

t.test('whatever happens between two steps of a look, a document on its way is none that differs', async (t) => {
  const histories: Record<string, (source: ModelSide, destination: ModelSide) => void> = {
    'a change arrives': (source, destination) => bring(source, destination),
    'another change is made and arrives': (source, destination) => {
      source.edit('doc', { v: 3 });
      bring(source, destination);
    },
    'a deletion is made and arrives': (source, destination) => {
      source.edit('doc', null);
      bring(source, destination);
    },
    'a document is made and arrives': (source, destination) => {
      source.edit('other', { v: 1 });
      bring(source, destination);
    },
  };
  for (const [title, happen] of Object.entries(histories)) {
    for (let at = 0; at < 8; at += 1) {
      let calls = 0;
      const between = (): void => {
        calls += 1;
        if (calls - 1 === at) happen(source, destination);
      };
      const source = new ModelSide('aaaaaaaa', 'n', between);
      const destination = new ModelSide('bbbbbbbb', 'n', between);
      source.edit('doc', { v: 1 });
      bring(source, destination);
      source.edit('doc', { v: 2 });
      const seen = await lookAt(sidesOf(source, destination, DATABASE), ['doc', 'other']);
      const standings = seen.map(({ standing }) => standing);
      t.ok(
        standings.every((standing) => standing === 'equal' || standing === 'in-flight'),
        `${title} before step ${at}: ${standings.join(', ')}`,
      );
    }
  }
});

function bring(source: ModelSide, destination: ModelSide): void {
  for (const doc of source.docs.values()) destination.apply(doc);
  destination.saveCheckpoint(checkpointFrom(source.site, DATABASE), source.last);
}

for (const options of OPTIONS) {
  const title = `${options.twoWay ? 'two-way' : 'one-way'}, checkpoints: ${options.checkpoints}`;

  t.test(`no document on its way is taken for a difference (${title})`, async (t) => {
    const seed = testSeed();
    const schedules = testSchedules(250);
    let moving = 0;
    for (let i = 0; i < schedules; i += 1) {
      const world = new World(seededRandom(seed + i), options);
      world.fill();
      const report = await world.verify(i % 2 === 0);
      moving += report.databases[0]?.bucketsDiffering ?? 0;
      const found = namesIn(report);
      if (found.length > 0) t.fail(`seed ${seed + i}: ${found.join(', ')}`);
      if (found.length > 0) break;
    }
    t.ok(moving > schedules, `documents were under way while it looked: ${moving}`);
  });

  t.test(`what is wrong is found among what is on its way, and nothing else (${title})`, async (t) => {
    const seed = testSeed();
    const schedules = testSchedules(100);
    for (let i = 0; i < schedules; i += 1) {
      const world = new World(seededRandom(seed + i), options);
      world.fill();
      const { source, destination } = world;
      world.spare('doc-1');
      world.spare('doc-2');
      world.spare('doc-3');
      destination.docs.delete(world.spare('doc-4'));
      const { ver } = source.edit(world.spare('doc-5'), null);
      destination.put('doc-5', ver, { back: 'again' });
      destination.put(world.spare('doc-6'), source.docs.get('doc-6')?.ver ?? ver, { other: 'content' });
      destination.spoil('doc-2', { flipped: 'bit' });
      source.spoil('doc-3', { flipped: 'bit' });
      source.spoil(world.spare('doc-7'), { flipped: 'bit' });
      destination.spoil('doc-7', { flipped: 'bit' });
      destination.docs.delete(world.spare('doc-8'));
      source.spoil('doc-8', { flipped: 'bit' });
      const found = namesIn(await world.verify(true));
      const planted = [
        'content doc-6',
        'damaged doc-2 destination',
        'damaged doc-3 source',
        'damaged doc-7 source destination',
        'missing doc-4',
        'missing doc-8 source',
        'undeleted doc-5',
      ];
      if (found.join() === planted.join()) continue;
      t.same(found, planted, `seed ${seed + i}`);
      return;
    }
    t.pass(`${schedules} schedules`);
  });
}
