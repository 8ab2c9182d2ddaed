import { openStore } from '../../store/open.ts';
import { DURABILITY, freshStore } from '../crawl/store-url.ts';
import { watchOthers } from '../measure/others.ts';
import { say } from '../measure/progress.ts';
import { rounded, spread } from '../measure/statistics.ts';
import { fill } from './articles.ts';
import type { Copied, Copy } from './copy-process.ts';
import type { Case, ReplicateOptions } from './options.ts';
import { runCopy } from './run-copy.ts';

type Engine = 'sqlite' | 'mongodb';

/** The replicator's copy of a whole store beside a bare batched one, in turns. */
export function backfill(from: Engine, to: Engine, indexes: Copy['indexes'] = 'kept'): Case {
  return async (options) => {
    const docs = from === 'sqlite' && to === 'sqlite' ? options.docs : options.mongodbDocs;
    await using source = await freshStore(from);
    await fillSource(source.url, docs, options);
    const others = watchOthers();
    const ours: Copied[] = [];
    const bare: Copied[] = [];
    for (let run = 1; run <= options.runs; run += 1) {
      for (const [how, results] of [
        ['replicator', ours],
        ['bare', bare],
      ] as const) {
        await using target = await freshStore(to);
        const copied = await runCopy({ how, from: source.url, to: target.url, indexes }, docs);
        say(`${from} to ${to}, ${how}: ${Math.round(docs / copied.wallSeconds)} articles/s`);
        results.push(copied);
      }
    }
    return {
      ...{ from, to, docs, indexes: indexes === 'kept' ? 'kept all along' : 'built after', durability: DURABILITY[to] },
      ours: report(ours),
      bare: report(bare),
      // Pair by pair: a machine's speed drifts, ratios drift less.
      rateShareOfBare: spread(ours.map((each, i) => (bare[i]?.wallSeconds ?? 0) / each.wallSeconds)),
      cpuShareOfBare: spread(ours.map((each, i) => each.cpuSeconds / (bare[i]?.cpuSeconds ?? 1))),
      othersShare: rounded(others() ?? Number.NaN),
    };
  };
}

async function fillSource(url: string, docs: number, { seed }: ReplicateOptions): Promise<void> {
  say(`filling a source with ${docs} articles`);
  await using store = await openStore(url);
  await fill(store, docs, seed);
}

function report(copies: readonly Copied[]): object {
  return {
    articlesPerSecond: spread(copies.map(({ docs, wallSeconds }) => docs / wallSeconds)),
    articlesPerCpuSecond: spread(copies.map(({ docs, cpuSeconds }) => docs / cpuSeconds)),
  };
}
