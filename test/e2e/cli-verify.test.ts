/** `feedferry verify` as a process. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openStore } from '../../store/open.ts';
import { putArticles } from '../replicator/sending/pair.ts';
import { SqliteTamper } from '../replicator/verify/tamper.ts';
import { type Cli, cliFor } from './cli-process.ts';

const TOKEN = 'qKx1d0bq8gVbF0dYFJ8mCwT2S0y8m3m1';
const READY = /ready to receive at (https?:\/\/[\w.:[\]]+)/;
const ENDS = ['--from', 'sqlite:a.db', '--to', 'sqlite:b.db'];

async function made(t: Test): Promise<Cli> {
  const cli = await cliFor(t);
  await using store = await openStore(`sqlite:${join(cli.folder, 'a.db')}`);
  await putArticles(store, 'x', 300);
  return cli;
}

function tamper(cli: Cli): void {
  using there = new SqliteTamper(`sqlite:${join(cli.folder, 'b.db')}`);
  there.drop('x1');
  there.rewrite('x2', (content) => ({ ...content, title: 'Another\u001b[31m title' }));
  there.flipBit('x3', 'ello');
}

t.test('says equal, names what differs, and repairs it', async (t) => {
  const cli = await made(t);
  await cli.run(['replicate', ...ENDS, '--once']);
  const equal = await cli.run(['verify', ...ENDS]);
  t.equal(equal.code, 0, equal.stderr);
  t.match(equal.stdout, /articles +300 +300 +0 +0\n.*Equal\. It took \d+ m?s\.\n$/s);
  t.notMatch(equal.stdout, /one and the same/);
  const itself = await cli.run(['verify', '--from', 'sqlite:a.db', '--to', 'sqlite:./a.db']);
  t.match(itself, { code: 0, stdout: /Both are the site \w+: one and the same store/ }, 'which proves nothing');
  tamper(cli);
  const differing = await cli.run(['verify', ...ENDS, '--deep']);
  t.equal(differing.code, 3, differing.stderr);
  t.match(differing.stdout, /articles: 1 missing, 1 content, 1 damaged\n {2}missing {4}x1\n/);
  t.match(differing.stdout, /what is stored at the destination is not what was written/);
  t.match(differing.stdout, /title\n +from: "A title"\n +to: "Another/);
  t.notMatch(differing.stdout, '\u001b', 'nothing steers the terminal');
  t.same(
    differing.stdout.split('\n').filter((line) => line.length > 80),
    [],
    'it fits 80 columns',
  );
  const shallow = await cli.run(['verify', ...ENDS, '--json', '--databases', 'articles']);
  t.equal(shallow.code, 3);
  const { verdict, databases } = JSON.parse(shallow.stdout);
  t.equal(verdict, 'differing');
  t.same(
    databases[0].findings.map(({ id }: { id: string }) => id),
    ['x1', 'x2'],
    'without --deep the stored hashes count',
  );
  const repaired = await cli.run(['verify', ...ENDS, '--deep', '--repair']);
  t.equal(repaired.code, 0, repaired.stderr);
  t.match(repaired.stdout, /1 missing.*3 sent to the destination.*Equal, every body hashed again/s);
});

t.test('through a receiver, either way round', async (t) => {
  const cli = await made(t);
  await writeFile(join(cli.folder, 'token'), TOKEN, { mode: 0o600 });
  const receiver = cli.start(['receive', '--store', 'sqlite:b.db', '--listen', '127.0.0.1:0', '--token-file', 'token']);
  const [, url = ''] = await receiver.until(READY);
  const there = ['--from', 'sqlite:a.db', '--to', url, '--token-file', 'token'];
  t.equal((await cli.run(['replicate', ...there, '--once'])).code, 0);
  t.equal((await cli.run(['verify', ...there, '--deep'])).code, 0);
  tamper(cli);
  const back = await cli.run(['verify', '--from', url, '--to', 'sqlite:a.db', '--token-file', 'token', '--json']);
  t.equal(back.code, 3, back.stderr);
  t.match(JSON.parse(back.stdout).databases[0].counts, { extra: 1, content: 1 });
  t.equal((await cli.run(['verify', ...there, '--deep'])).code, 3);
  const repaired = await cli.run(['verify', ...there, '--deep', '--repair', '--json']);
  t.equal(repaired.code, 0, repaired.stderr);
  t.match(JSON.parse(repaired.stdout), { verdict: 'equal', repaired: { articles: { sent: 3 } } });
  await cli.run(['replicate', 'add', '--name', 'b', '--to', url, '--token-file', 'token', '--store', 'sqlite:a.db']);
  const named = await cli.run(['verify', '--store', 'sqlite:a.db', '--to', 'b']);
  t.equal(named.code, 0, 'by the name of a destination, with its token');
});

t.test('the only destination of the source need not be named, unless it is to be changed', async (t) => {
  const cli = await made(t);
  const verify = (...args: string[]) => cli.run(['verify', '--store', 'sqlite:a.db', ...args]);
  t.match(await verify(), { code: 2, stderr: /--to is missing: what shall the source be compared with\?\n/ });
  const add = (name: string) =>
    cli.run(['replicate', 'add', '--name', name, '--to', `sqlite:${name}.db`, '--store', 'sqlite:a.db']);
  await add('oslo');
  await cli.run(['replicate', '--store', 'sqlite:a.db', '--to', 'sqlite:oslo.db', '--once']);
  t.match(await verify(), { code: 0, stdout: /^to +sqlite:.*oslo\.db$/m });
  t.match(await verify('--repair'), { code: 2, stderr: /--to is missing.*these destinations: oslo\./ });
  await add('rome');
  t.match(await verify(), { code: 2, stderr: /these destinations: oslo, rome\./ });
});

t.test('makes no store, and says what is wrong with its use', async (t) => {
  const cli = await made(t);
  const missing = await cli.run(['verify', ...ENDS]);
  t.equal(missing.code, 1);
  t.match(missing.stderr, /error STORE_MISSING/);
  t.notOk(existsSync(join(cli.folder, 'b.db')));
  for (const args of [
    [],
    ['--to', 'ftp://b'],
    ['--to', 'sqlite:b.db', '--repair=all'],
    ['--to', 'sqlite:b.db', '--databases', 'x'],
  ]) {
    const wrong = await cli.run(['verify', '--from', 'sqlite:a.db', ...args]);
    t.equal(wrong.code, 2, args.join(' '));
    t.match(wrong.stderr, /error USAGE_INVALID/);
  }
  t.match((await cli.run(['verify', '--from', 'sqlite:a.db', '--to', 'nobody'])).stderr, /DESTINATION_UNKNOWN/);
});
