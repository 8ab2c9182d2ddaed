import { readFile } from 'node:fs/promises';
import t from 'tap';
import { readArguments, WORLD_HELP } from '../../../bench/feed-world/arguments.ts';
import { FEED_KINDS } from '../../../bench/feed-world/kinds.ts';
import { makeWorld } from '../../../bench/feed-world/world.ts';

const page = await readFile(new URL('../../../docs/feed-world.md', import.meta.url), 'utf8');

t.test('the page about the feed world has every kind of feed', async (t) => {
  for (const kind of FEED_KINDS) t.match(page, `\`${kind}\``);
});

t.test('every flag of the help is understood, and one that is not there is refused', async (t) => {
  const flags = [...WORLD_HELP.matchAll(/^ {2}(--[\w-]+)(?: (\S+))?/gm)];
  t.ok(flags.length > 15);
  const examples: Record<string, string> = { 'KIND=0.1': 'slow=0.1', 'MIN,MAX': '10,20', TIME: '2026-02-03', F: '0.5' };
  const argv = flags.flatMap(([, flag = '', value]) =>
    value === undefined || value === '' ? [flag] : [flag, examples[value] ?? (/=/.test(value) ? value : '700')],
  );
  const read = readArguments(argv.filter((word) => word !== undefined));
  t.match(read, { port: 700, prepare: true, withStdin: true, json: true, speed: 700 });
  t.match(makeWorld(read.world).options, {
    feeds: 700,
    shares: { slow: 0.1 },
    formats: { atom: 0.25 },
    intervalMinMs: 10_000,
    intervalMaxMs: 20_000,
    startMs: Date.UTC(2026, 1, 3),
    editShare: 0.5,
    maxAgeS: 700,
    gzip: false,
  });
  t.throws(() => readArguments(['--fedes', '3']), { code: 'WORLD_OPTION_INVALID' });
  t.throws(() => readArguments(['--feeds', 'many']), { code: 'WORLD_OPTION_INVALID' });
});
