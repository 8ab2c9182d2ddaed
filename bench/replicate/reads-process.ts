/** A process that reads as `serve` does, alone and beside a backfill in turn, and tells how long pages took. `reads-process.ts JSON` */
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { type Replication, startReplication } from '../../cli/replication.ts';
import { addDestination, defaultConfig, removeDestination } from '../../replicator/configuration.ts';
import { RequestsUnderWay } from '../../replicator/stand-aside.ts';
import type { Store } from '../../store/contract.ts';
import { openStore } from '../../store/open.ts';
import { freshStore } from '../crawl/store-url.ts';
import { watchOthers } from '../measure/others.ts';
import { BenchFailure, say } from '../measure/progress.ts';
import { rounded, spread } from '../measure/statistics.ts';
import { alternate } from './alternate.ts';
import { fill } from './articles.ts';
import type { ReplicateOptions } from './options.ts';

/** A page of a reading list. */
const PAGE = 50;
/** Between two pages: up to 100 a second, more than all readers of most sites ask for. */
const PAUSE_MS = 10;
const WARM_UP_MS = 3000;
const PATIENCE_MS = 60_000;

const options = JSON.parse(process.argv[2] ?? '') as ReplicateOptions;

async function measure(): Promise<object> {
  const { docs, seed } = options;
  await using sourceUrl = await freshStore('sqlite');
  await using source = await openStore(sourceUrl.url);
  say(`filling a source with ${docs} articles`);
  await fill(source, docs, seed);
  const requests = new RequestsUnderWay();
  const thread = { store: sourceUrl.url, cwd: process.cwd(), requests: requests.cell };
  await using replication = startReplication(source.control, thread, pino({ level: 'silent' }));
  const others = watchOthers();
  const rates: number[] = [];
  const beside = async (msMax: number): Promise<number[]> => {
    await using backfill = await Backfill.begin(source, replication);
    const before = await backfill.copied();
    const began = performance.now();
    const taken = await read(source, requests, msMax, () => backfill.isOn());
    rates.push(((await backfill.copied()) - before) / ((performance.now() - began) / 1000));
    return taken;
  };
  await read(source, requests, WARM_UP_MS, () => true);
  await beside(WARM_UP_MS);
  rates.length = 0;
  const measured = await alternate(options, async (which, seconds) =>
    which === 'with' ? beside(seconds * 1000) : read(source, requests, seconds * 1000, () => true),
  );
  return {
    ...{ docs, page: PAGE, ...measured, backfillArticlesPerSecond: spread(rates) },
    othersShare: rounded(others() ?? Number.NaN),
  };
}

/** A new destination of the source, from its first document until it is removed. */
class Backfill implements AsyncDisposable {
  static #count = 0;
  readonly #name: string;
  readonly #source: Store;
  readonly #replication: Replication;
  readonly #targetUrl: AsyncDisposable & { readonly url: string };
  #target: Store | undefined;

  private constructor(source: Store, replication: Replication, targetUrl: AsyncDisposable & { readonly url: string }) {
    Backfill.#count += 1;
    this.#name = `bench-${Backfill.#count}`;
    this.#source = source;
    this.#replication = replication;
    this.#targetUrl = targetUrl;
  }

  static async begin(source: Store, replication: Replication): Promise<Backfill> {
    const backfill = new Backfill(source, replication, await freshStore('sqlite'));
    const { url } = backfill.#targetUrl;
    await addDestination(source.control, defaultConfig(backfill.#name, url));
    await backfill.#until(() => backfill.isOn(), 'began');
    backfill.#target = await openStore(url, { mustExist: true, readOnly: true });
    return backfill;
  }

  isOn(): boolean {
    return this.#state() === 'backfilling';
  }

  /** Articles at the destination. */
  async copied(): Promise<number> {
    const slots = (await this.#target?.articles.changes.slots()) ?? [];
    return slots.reduce((sum, { stable }) => sum + stable, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeDestination(this.#source.control, this.#name);
    await this.#until(() => this.#state() === undefined, 'ended');
    await this.#target?.close();
    await this.#targetUrl[Symbol.asyncDispose]();
  }

  #state(): string | undefined {
    return this.#replication.statuses().find(({ name }) => name === this.#name)?.state;
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!condition()) {
      if (performance.now() > end) throw new BenchFailure(`the backfill never ${what}`);
      await delay(10);
    }
  }
}

/** Pages of the timeline with their articles, from all over the store. In ms each. */
async function read(
  { articles }: Store,
  requests: RequestsUnderWay,
  msMax: number,
  isOn: () => boolean,
): Promise<number[]> {
  const taken: number[] = [];
  const until = performance.now() + msMax;
  let before: { at: number; num: number } | undefined;
  while (performance.now() < until && isOn()) {
    const began = performance.now();
    const ended = requests.begin();
    const page = await articles.timeline({ ...(before && { before }), limit: PAGE });
    await articles.getMany(page.map(({ id }) => id));
    ended();
    taken.push(performance.now() - began);
    before = page.at(-1);
    await delay(PAUSE_MS);
  }
  return taken;
}

process.stdout.write(JSON.stringify(await measure()));
