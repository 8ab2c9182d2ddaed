import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import t from 'tap';
import { runProgram } from '../../cli/program.ts';

/** A command line, run to its end in this process. */
async function ended(cwd: string, args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const [stdin, stdout, stderr] = [Readable.from([]), new PassThrough(), new PassThrough()];
  const code = await runProgram(args, { stdin, stdout, stderr, env: {}, cwd, clock: Date.now, random: Math.random });
  return { code, stderr: String(stderr.read() ?? '') };
}

t.test('wrong use is refused before anything is opened', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-wrong-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const whole = { '--feeds-from': 'f.opml', '--store': 'sqlite:./t.db', '--user-agent': 'X/1' };
  const given = (left: Partial<typeof whole>) => ['crawl', '--test', ...Object.entries(left).flat()];
  const wrong: [RegExp, string[]][] = [
    ...Object.keys(whole).map((flag): [RegExp, string[]] => {
      const { [flag as keyof typeof whole]: _without, ...left } = whole;
      return [new RegExp(`--test needs ${flag}`), given(left)];
    }),
    [/--once does not go/, [...given(whole), '--once']],
    [/--queue does not go/, [...given(whole), '--queue', 'redis://localhost']],
    [/--max-feeds does not go with --sample/, [...given(whole), '--max-feeds', '1', '--sample', '2']],
    [/--seed goes with --sample/, [...given(whole), '--seed', '1']],
    [/--rate is "0"/, [...given(whole), '--rate', '0']],
    [/--duration is "soon"/, [...given(whole), '--duration', 'soon']],
    [/--max-errors is "101"/, [...given(whole), '--max-errors', '101']],
    [/must end in \.json or \.html/, [...given(whole), '--report', 'r.pdf']],
    [/--rate goes with --test only/, ['crawl', '--once', '--rate', '1']],
    [/--feeds-from goes with --test only/, ['crawl', '--feeds-from', 'x']],
  ];
  for (const [said, args] of wrong) {
    const { code, stderr } = await ended(folder, args);
    t.match(stderr, said);
    t.equal(code, 2, args.join(' '));
  }
  const nowhere = await ended(folder, [...given(whole), '--report', 'no/such/r.html']);
  t.match(nowhere.stderr, /FILE_UNWRITABLE/);
  t.strictSame(readdirSync(folder), []);
});
