/**
 * The three crawls of `crawl`, done by Miniflux alone, where it is installed.
 *
 * `npm run bench -- peer-miniflux [--make] [the settings of crawl]`
 *
 * Miniflux and PostgreSQL live in a small Debian of their own, which `--make` makes (root on Debian, about a minute); it is
 * looked for in FEEDFERRY_BENCH_MINIFLUX_ROOT, or where the test servers live. Where there is none, this says "not found".
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NEW_ENTRIES, type RunFigures, reportPhases } from './crawl/phase.ts';
import { FORMATS, readSettings, worldArguments } from './crawl/settings.ts';
import { describeMachine } from './measure/machine.ts';
import { runBench, say } from './measure/progress.ts';
import { startWorld } from './measure/world-process.ts';
import { findMiniflux, measureMiniflux } from './miniflux/measure.ts';
import { isThere, makeMinifluxRoot, minifluxRoot } from './miniflux/root.ts';

await runBench(async () => {
  const argv = process.argv.slice(2);
  const make = argv.includes('--make');
  const settings = readSettings(argv.filter((argument) => argument !== '--make'));
  if (make && !isThere(minifluxRoot())) makeMinifluxRoot(minifluxRoot());
  const peer = findMiniflux();
  if (peer === undefined) {
    say('Miniflux: not found (--make makes it; root on Debian)');
    return { bench: 'peer-miniflux', found: false };
  }
  const machine = describeMachine();
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-bench-peer-'));
  try {
    const opml = join(folder, 'feeds.opml');
    await using world = await startWorld(worldArguments(settings), opml);
    const runs: RunFigures[] = [];
    for (let run = 1; run <= settings.runs; run += 1) {
      runs.push(await measureMiniflux(peer, settings, world, opml));
      say(`run ${run} of ${settings.runs} done`);
    }
    return {
      bench: 'peer-miniflux',
      found: true,
      machine,
      versions: { miniflux: peer.version, database: peer.database },
      settings: { ...settings, formats: FORMATS, newEntries: NEW_ENTRIES },
      durability: peer.durabilityText(settings.peerDurability),
      peer: reportPhases(runs, settings.feeds),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
