/**
 * Replication: backfills beside bare copies, lag, and what writers, readers and restarts notice of it.
 *
 * `npm run bench -- replicate [--only NAME,...] [--docs 100000] [--mongodb-docs 20000] [--runs 3] [--seconds 20] [--seed 1]`
 * Names: backfill-sqlite, backfill-sqlite-indexes-after, backfill-sqlite-mongodb, backfill-mongodb-sqlite,
 * backfill-mongodb, lag-sqlite, lag-sqlite-mongodb, lag-mongodb-sqlite, black-hole, resume, foreground-reads, link, verify.
 */
import { parseArgs } from 'node:util';
import { describeMachine, describeVersions } from './measure/machine.ts';
import { BenchFailure, runBench, say } from './measure/progress.ts';
import { backfill } from './replicate/backfill.ts';
import { blackHole } from './replicate/black-hole.ts';
import { foregroundReads } from './replicate/foreground-reads.ts';
import { lag } from './replicate/lag.ts';
import { link } from './replicate/link.ts';
import type { Case, ReplicateOptions } from './replicate/options.ts';
import { resume } from './replicate/resume.ts';
import { verifying } from './replicate/verify.ts';

const CASES: Readonly<Record<string, Case>> = {
  'backfill-sqlite': backfill('sqlite', 'sqlite'),
  'backfill-sqlite-indexes-after': backfill('sqlite', 'sqlite', 'after'),
  'backfill-sqlite-mongodb': backfill('sqlite', 'mongodb'),
  'backfill-mongodb-sqlite': backfill('mongodb', 'sqlite'),
  'backfill-mongodb': backfill('mongodb', 'mongodb'),
  'lag-sqlite': lag('sqlite', 'sqlite'),
  'lag-sqlite-mongodb': lag('sqlite', 'mongodb'),
  'lag-mongodb-sqlite': lag('mongodb', 'sqlite'),
  'black-hole': blackHole,
  resume,
  'foreground-reads': foregroundReads,
  link,
  verify: verifying,
};

await runBench(async () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      docs: { type: 'string', default: '100000' },
      'mongodb-docs': { type: 'string', default: '20000' },
      runs: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
    },
  });
  const options: ReplicateOptions = {
    ...{ docs: Number(values.docs), mongodbDocs: Number(values['mongodb-docs']), runs: Number(values.runs) },
    ...{ seconds: Number(values.seconds), seed: Number(values.seed) },
  };
  const names = values.only?.split(',') ?? Object.keys(CASES);
  const cases: Record<string, object> = {};
  for (const name of names) {
    const run = CASES[name];
    if (!run) throw new BenchFailure(`there is no case ${name}; there are ${Object.keys(CASES).join(', ')}`);
    say(name);
    cases[name] = await run(options);
  }
  return { bench: 'replicate', machine: describeMachine(), versions: describeVersions(), settings: options, cases };
});
