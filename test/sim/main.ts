/**
 * Runs many schedules: `npm run sim -- --schedules 1000000 --seed 1 --workers 2`. Exit code 1: one failed; it is printed as
 * short as it could be made, with the command that replays it.
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { inTurn } from './drain.ts';
import { MISTAKES, type Mistake } from './mistakes.ts';
import { planOf, STEPS_MAX, STEPS_MIN, TOPOLOGIES, type Topology } from './plan.ts';
import { runPlan } from './run.ts';
import { shrink } from './shrink.ts';

/** Schedules that one worker takes at a time. */
const BATCH = 250;
const WORKERS_MAX = 64;
const STEPS_WISHED_MAX = 1000;
const PROGRESS_MS = 5000;
/** Nearly all that a schedule makes is gone right after it. */
const YOUNG_MB = 64;
/** Failures that are told; the run ends with the last of them. */
const FAILURES_MAX = 10;

interface Options {
  readonly schedules: number;
  readonly seed: number;
  readonly workers: number;
  readonly mistake: Mistake;
  readonly topologies: readonly Topology[];
  readonly steps: number;
  readonly trace: boolean;
  readonly json: boolean;
  readonly keepGoing: boolean;
}

interface Failure {
  readonly seed: number;
  readonly violations: readonly { kind: string; what: string }[];
}

/** What came of a stretch of seeds. */
interface Tally {
  schedules: number;
  acknowledged: number;
  events: number;
  virtualMs: number;
  byTopology: Record<string, number>;
  failures: Failure[];
}

function newTally(): Tally {
  return { schedules: 0, acknowledged: 0, events: 0, virtualMs: 0, byTopology: {}, failures: [] };
}

async function runStretch(
  from: number,
  count: number,
  { mistake, topologies, steps }: Pick<Options, 'mistake' | 'topologies' | 'steps'>,
): Promise<Tally> {
  const tally = newTally();
  for (let seed = from; seed < from + count; seed += 1) {
    const plan = planOf(seed, topologies, steps);
    const result = await inTurn(() => runPlan(plan, mistake));
    tally.schedules += 1;
    tally.acknowledged += result.acknowledged;
    tally.events += result.events;
    tally.virtualMs += result.elapsedMs;
    tally.byTopology[plan.topology] = (tally.byTopology[plan.topology] ?? 0) + 1;
    if (result.violations.length > 0) tally.failures.push({ seed, violations: result.violations });
  }
  return tally;
}

function add(to: Tally, part: Tally): void {
  to.schedules += part.schedules;
  to.acknowledged += part.acknowledged;
  to.events += part.events;
  to.virtualMs += part.virtualMs;
  to.failures.push(...part.failures);
  for (const [name, count] of Object.entries(part.byTopology)) {
    to.byTopology[name] = (to.byTopology[name] ?? 0) + count;
  }
}

async function runAll(options: Options): Promise<{ total: Tally; ms: number }> {
  const { schedules, seed } = options;
  const began = performance.now();
  const total = newTally();
  let next = seed;
  let toldAt = began;
  const end = seed + schedules;
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
  };
  // What was done until then counts.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  const lane = async (run: (from: number, count: number) => Promise<Tally>): Promise<void> => {
    while (next < end && !isInterrupted && (total.failures.length === 0 || options.keepGoing)) {
      const from = next;
      const count = Math.min(BATCH, end - from);
      next += count;
      const part = await run(from, count);
      add(total, part);
      for (const { seed: failed, violations } of part.failures) {
        process.stderr.write(`seed ${failed} fails: ${violations[0]?.kind}: ${violations[0]?.what}\n`);
      }
      if (performance.now() - toldAt < PROGRESS_MS || options.json) continue;
      toldAt = performance.now();
      tell(total, schedules, toldAt - began);
    }
  };
  if (options.workers <= 1) await lane((from, count) => runStretch(from, count, options));
  else await Promise.all(Array.from({ length: options.workers }, () => laneOfWorker(options, lane)));
  return { total, ms: performance.now() - began };
}

async function laneOfWorker(
  { mistake, topologies, steps }: Options,
  lane: (run: (from: number, count: number) => Promise<Tally>) => Promise<void>,
): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { mistake, topologies, steps },
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  const broken = new Promise<never>((_resolve, reject) => worker.once('error', reject));
  try {
    await lane(async (from, count) => {
      const done = once(worker, 'message') as Promise<[Tally]>;
      worker.postMessage({ from, count });
      const [part] = await Promise.race([done, broken]);
      return part;
    });
  } finally {
    await worker.terminate();
  }
}

function tell({ schedules, failures }: Tally, all: number, ms: number): void {
  const rate = (schedules / ms) * 1000;
  const left = Math.round((all - schedules) / rate);
  const words = `${schedules} of ${all} schedules, ${rate.toFixed(0)} a second, ${left} s to go`;
  process.stderr.write(`${words}${failures.length > 0 ? `, ${failures.length} failed` : ''}\n`);
}

/** The failure as short as it can be made, for a person to read. */
async function explain(
  { seed, violations }: Failure,
  { mistake, topologies, steps: stepsMax }: Options,
): Promise<string> {
  const [first] = violations;
  if (!first) return '';
  const plan = planOf(seed, topologies, stepsMax);
  const short = await inTurn(() => shrink(plan, first.kind as never, mistake));
  const { trace, violations: found } = await inTurn(() => runPlan(short, mistake, true));
  const { steps, ...rest } = short;
  const some = topologies.length < TOPOLOGIES.length ? ` --topology ${topologies.join(',')}` : '';
  const long = stepsMax === STEPS_MAX ? '' : ` --steps ${stepsMax}`;
  const flag = `${some}${long}${mistake === 'none' ? '' : ` --mistake ${mistake}`}`;
  return [
    `seed ${seed} fails: ${first.kind}. Replay it: npm run sim -- --seed ${seed} --schedules 1${flag}`,
    `as short as it could be made, ${steps.length} of ${plan.steps.length} steps: ${JSON.stringify(rest)}`,
    ...trace,
    ...found.map(({ kind, what }) => `${kind}: ${what}`),
    `for found.json: ${JSON.stringify(short)}`,
    '',
  ].join('\n');
}

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      schedules: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: '1' },
      mistake: { type: 'string', default: 'none' },
      topology: { type: 'string' },
      steps: { type: 'string', default: String(STEPS_MAX) },
      trace: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      'keep-going': { type: 'boolean', default: false },
    },
  });
  const mistake = (['none', ...MISTAKES] as const).find((name) => name === values.mistake);
  if (!mistake) throw new Error(`There is no mistake ${values.mistake}; there are ${MISTAKES.join(', ')}.`);
  return {
    schedules: whole(values.schedules, 'schedules', Number.MAX_SAFE_INTEGER),
    seed: whole(values.seed, 'seed', 2 ** 32),
    workers: whole(values.workers, 'workers', WORKERS_MAX),
    topologies: topologiesOf(values.topology),
    steps: whole(values.steps, 'steps', STEPS_WISHED_MAX, STEPS_MIN + 1),
    ...{ mistake, trace: values.trace, json: values.json, keepGoing: values['keep-going'] },
  };
}

function topologiesOf(text: string | undefined): readonly Topology[] {
  if (text === undefined) return TOPOLOGIES;
  const found = TOPOLOGIES.filter((topology) => text.split(',').includes(topology));
  if (found.length === text.split(',').length) return found;
  throw new Error(`--topology wants some of ${TOPOLOGIES.join(',')}, not ${text}.`);
}

function whole(text: string, name: string, max: number, min = 1): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number;
  throw new Error(`--${name} wants a whole number from ${min} to ${max}, not ${text}.`);
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  if (options.trace) {
    for (let seed = options.seed; seed < options.seed + options.schedules; seed += 1) {
      const { trace, violations, traceHash } = await inTurn(() =>
        runPlan(planOf(seed, options.topologies, options.steps), options.mistake, true),
      );
      console.log(
        [...trace, ...violations.map(({ kind, what }) => `${kind}: ${what}`), `hash ${traceHash}`].join('\n'),
      );
    }
    return;
  }
  const { total, ms } = await runAll(options);
  const { failures, ...counts } = total;
  const result = {
    ...{ seed: options.seed, mistake: options.mistake, ...counts, failed: failures.length },
    ...{ seconds: Math.round(ms / 100) / 10, perSecond: Math.round((total.schedules / ms) * 1000) },
  };
  if (options.json) console.log(JSON.stringify({ ...result, failures: failures.slice(0, FAILURES_MAX) }));
  else {
    for (const failure of failures.slice(0, options.keepGoing ? FAILURES_MAX : 1)) {
      console.log(await explain(failure, options));
    }
    console.log(`${total.schedules} schedules, ${failures.length} failed:`, result);
  }
  process.exitCode = failures.length > 0 ? 1 : 0;
}

if (isMainThread) {
  await main();
} else {
  const options = workerData as Pick<Options, 'mistake' | 'topologies' | 'steps'>;
  parentPort?.on('message', ({ from, count }: { from: number; count: number }) => {
    runStretch(from, count, options).then(
      (tally) => parentPort?.postMessage(tally),
      (error: unknown) => {
        throw error;
      },
    );
  });
}
