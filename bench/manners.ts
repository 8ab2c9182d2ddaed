/**
 * A publisher's view: the crawler lives through simulated days of difficult publishers, and their log is scored.
 *
 * `npm run bench -- manners [--days 30] [--feeds 120] [--seed 1] [--json]`
 *
 * The crawler that `serve` uses crawls real HTTP servers on loopback, on a store of its own, while a simulated clock jumps
 * from one event to the next; it is restarted, killed in the middle of fetches, given a large import, and readers press
 * "refresh". Then the publishers' log is judged by what is true of each of them (bench/manners/). Prints a table and the
 * lines of the log behind each offence, or all of it as JSON. Exits with 1 if there is any offence. docs/manners.md.
 */
import { parseArgs } from 'node:util';
import { play } from './manners/play.ts';
import { score } from './manners/score.ts';
import { offencesText, scoreTable } from './manners/score-table.ts';
import { describeMachine, describeVersions } from './measure/machine.ts';
import { BenchFailure, say } from './measure/progress.ts';

/** A Monday. */
const START_MS = Date.UTC(2026, 0, 5);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      days: { type: 'string', default: '30' },
      feeds: { type: 'string', default: '120' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const settings = {
    ...{ days: count(values.days, '--days', 1, 366), feeds: count(values.feeds, '--feeds', 3, 2_000) },
    seed: count(values.seed, '--seed', 0, 2 ** 32 - 1),
  };
  const played = await play({
    ...settings,
    startMs: START_MS,
    onDay: (day, visits) => say(`day ${day} of ${settings.days}: ${visits} requests`),
  });
  const scored = score(played);
  say(`played in ${Math.round(played.wallMs / 1_000)} s`);
  if (values.json) {
    const about = { bench: 'manners', machine: describeMachine(), versions: describeVersions(), settings };
    process.stdout.write(`${JSON.stringify({ ...about, wallMs: Math.round(played.wallMs), ...scored }, null, 2)}\n`);
  } else {
    const told = offencesText(scored);
    process.stdout.write(`${scoreTable(scored)}\n${told === '' ? '' : `\n${told}\n`}`);
  }
  return scored.offences === 0 ? 0 : 1;
}

function count(text: string, flag: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new BenchFailure(`${flag} takes a whole number from ${least} to ${most}, not ${text}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  const text = error instanceof Error ? error.stack : String(error);
  say(error instanceof BenchFailure ? `FAILED: ${error.message}` : String(text));
  process.exitCode = 1;
}
