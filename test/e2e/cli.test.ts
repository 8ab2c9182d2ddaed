import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import t from 'tap';
import { EXIT } from '../../cli/exit.ts';
import { buildProgram } from '../../cli/program.ts';
import { cliFor } from './cli-process.ts';

/** Every command that can be called, as the words that call it: a group is one where it has flags of its own. */
function commandPaths(command: Command, path: readonly string[] = []): string[][] {
  const below = command.commands.flatMap((child) => commandPaths(child, [...path, child.name()]));
  const isCallable = path.length > 0 && (below.length === 0 || command.options.length > 0);
  return isCallable ? [[...path], ...below] : below;
}

const COMMANDS = commandPaths(buildProgram({ io: {} as never, exitCode: EXIT.done }));

t.test('the commands are those that docs/cli.md promises', async (t) => {
  const page = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  const promised = [...page.matchAll(/^## (.+)$/gm)].map(([, name]) => name);
  t.strictSame(COMMANDS.map((path) => path.join(' ')).toSorted(), promised.toSorted());
});

t.test('every command explains itself, with an example and --json', async (t) => {
  const cli = await cliFor(t);
  const helps = await Promise.all(COMMANDS.map((path) => cli.run([...path, '--help'])));
  helps.forEach(({ code, stdout, stderr }, i) => {
    const name = (COMMANDS[i] ?? []).join(' ');
    t.equal(code, 0, name);
    t.equal(stderr, '', `${name}: no warning`);
    t.match(stdout, new RegExp(`^Usage: feedferry ${name} `), name);
    t.match(stdout, new RegExp(`Examples:\n(  .*\n)*.*feedferry ${name}`), `${name}: an example of itself`);
    t.match(stdout, /--json /, `${name}: --json`);
    for (const line of stdout.split('\n')) t.ok(line.length <= 80, `${name}: fits 80 columns: ${line}`);
  });
});

t.test('the program itself and a group of commands explain themselves', async (t) => {
  const cli = await cliFor(t);
  const [help, bare, group, version] = await Promise.all([
    cli.run(['--help']),
    cli.run([]),
    cli.run(['feeds']),
    cli.run(['--version']),
  ]);
  t.equal(help.code, 0);
  t.match(help.stdout, /Exit codes: 0 done, 1 failed, 2 wrong use, 3 the check found differences/);
  t.equal(bare.code, 2, 'a call without a command is wrong use');
  t.match(bare.stderr, /Usage: feedferry/);
  t.equal(group.code, 2);
  t.match(group.stderr, /Usage: feedferry feeds/);
  t.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
});

// Each row: a wrong command line and what the hint must say.
const WRONG: [string[], RegExp][] = [
  [['crwl'], /unknown command 'crwl' \(Did you mean crawl\?\).*feedferry --help/s],
  [['feeds', 'lst'], /unknown command 'lst' \(Did you mean list\?\).*feedferry feeds --help/s],
  [['replicate'], /--to is missing/],
  [['replicate', '--to', 'x', '--once'], /--to is "x"\. It must be sqlite:PATH/],
  [['replicate', '--to', 'sqlite:x.db', '--databases', 'articels'], /no database "articels"/],
  [['replicate', 'set', 'x'], /at least one limit/],
  [['migrate'], /unknown command/],
  [['crawl', '--stor', 'x'], /unknown option '--stor' \(Did you mean --store\?\).*feedferry crawl --help/s],
  [['feeds', 'show'], /missing required argument 'feed'/],
  [['feeds', 'list', 'more'], /too many arguments/],
  [['parse', '-', '--base'], /argument missing/],
  [['crawl', '--force'], /--force goes with --once/],
  [['crawl', '--once', '--concurrency', 'many'], /flag --concurrency is "many".*whole number/s],
  [['serve', '--queue', 'amqp://localhost'], /local: .*redis:/s],
  [['feeds', 'list', '--store', 'postgres://x'], /sqlite:PATH/],
  [['crawl', '--once', '--config', 'nowhere.json'], /CONFIG_UNREADABLE.*nowhere\.json/s],
];
for (const [args, hint] of WRONG) {
  t.test(`"feedferry ${args.join(' ')}" is wrong use: exit code 2, a coded error and a hint`, async (t) => {
    const cli = await cliFor(t);
    const { code, stdout, stderr } = await cli.run(args);
    t.equal(code, 2);
    t.equal(stdout, '');
    t.match(stderr, /^error [A-Z_]+: .+\n {2}\S/);
    t.match(stderr, hint);
    t.notMatch(stderr, /\n\s+at /, 'no stack trace');
  });
}

t.test('with --json an error is one JSON object on stderr', async (t) => {
  const cli = await cliFor(t);
  for (const args of [
    ['feeds', 'show', 'x', '--json'],
    ['crawl', '--nonsense', '--json'],
    ['parse', 'nowhere.xml', '--json'],
  ]) {
    const { stdout, stderr } = await cli.run(args);
    t.equal(stdout, '');
    t.match(JSON.parse(stderr), { error: { code: /^[A-Z_]+$/, message: /./, advice: /./ } }, args.join(' '));
  }
});

t.test('FEEDFERRY_DEBUG=1 adds where an error came from', async (t) => {
  const cli = await cliFor(t);
  const args = ['parse', 'nowhere.xml'];
  t.notMatch((await cli.run(args)).stderr, /\n\s+at /);
  t.match((await cli.run(args, { env: { FEEDFERRY_DEBUG: '1' } })).stderr, /\n\s+at /);
});

t.test('a setting of the config file counts unless a variable or a flag says otherwise', async (t) => {
  const cli = await cliFor(t);
  await writeFile(
    join(cli.folder, 'feedferry.config.json'),
    '{"userAgent": "File/1", "concurrency": 3, "redirects": 1}',
  );
  const { stdout } = await cli.run(['doctor', '--json', '--user-agent', 'Flag/1'], {
    env: { FEEDFERRY_USER_AGENT: 'Variable/1', FEEDFERRY_CONCURRENCY: '4' },
  });
  const settings = new Map(JSON.parse(stdout).settings.map((setting: { name: string }) => [setting.name, setting]));
  t.match(settings.get('userAgent'), { value: 'Flag/1', source: 'flag --user-agent' });
  t.match(settings.get('concurrency'), { value: '4', source: 'variable FEEDFERRY_CONCURRENCY' });
  t.match(settings.get('redirects'), { value: '1', source: /^config file .*feedferry\.config\.json$/ });
  t.match(settings.get('timeout'), { value: '30s', source: 'default' });
});
