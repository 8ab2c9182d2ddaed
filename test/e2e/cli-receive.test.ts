/** `feedferry receive` as a process, and `feedferry replicate` that sends to it. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { httpsTarget } from '../../replicator/remote/https-target.ts';
import { realRuntime } from '../../replicator/runtime.ts';
import { DEFAULT_LIMITS } from '../../replicator/sending/limits.ts';
import { openStore } from '../../store/open.ts';
import { differences, putArticles, start } from '../replicator/sending/pair.ts';
import { makeCertificates } from '../rig/certificates.ts';
import { skipLoudly } from '../rig/skip.ts';
import { until } from '../rig/until.ts';
import { type Cli, cliFor } from './cli-process.ts';

const TOKEN = 'qKx1d0bq8gVbF0dYFJ8mCwT2S0y8m3m1';
const READY = /ready to receive at (https?:\/\/[\w.:[\]]+)/;

async function write(cli: Cli, name: string, text: string, mode = 0o600): Promise<void> {
  await writeFile(join(cli.folder, name), text);
  await chmod(join(cli.folder, name), mode);
}

async function fillSource(cli: Cli, count: number): Promise<void> {
  await using store = await openStore(`sqlite:${join(cli.folder, 'source.db')}`);
  await putArticles(store, 'x', count);
}

async function compare(t: Test, cli: Cli): Promise<void> {
  await using a = await openStore(`sqlite:${join(cli.folder, 'source.db')}`, { mustExist: true });
  await using b = await openStore(`sqlite:${join(cli.folder, 'copy.db')}`, { mustExist: true });
  t.strictSame(await differences(a, b), []);
}

const RECEIVE = ['receive', '--store', 'sqlite:copy.db', '--listen', '127.0.0.1:0', '--token-file', 'token'];

t.test('documents of another site come in, and SIGTERM ends it in good order', async (t) => {
  const cli = await cliFor(t);
  await write(cli, 'token', `${TOKEN}\n`);
  await fillSource(cli, 500);
  const receiver = cli.start(RECEIVE);
  const [, url = ''] = await receiver.until(READY);
  const send = ['replicate', '--from', 'sqlite:source.db', '--to', url, '--token-file', 'token', '--once'];
  const sent = await cli.run(send);
  t.equal(sent.code, 0, sent.stderr);
  t.match(sent.stdout, /500 documents/);
  receiver.child.kill('SIGTERM');
  const { code, stdout, stderr } = await receiver.ended;
  t.equal(code, 0, stderr);
  for (const line of stdout.trim().split('\n')) t.ok(JSON.parse(line).msg, line);
  t.match(stdout, /A sender connected.*A sender is gone.*Stopped after \d+ requests/s);
  t.notMatch(stdout + stderr, TOKEN);
  await compare(t, cli);
});

t.test('killed and restarted while documents come in, it loses none', async (t) => {
  const cli = await cliFor(t);
  await write(cli, 'token', TOKEN);
  await fillSource(cli, 4000);
  let receiver = cli.start(RECEIVE);
  const [, url = ''] = await receiver.until(READY);
  const again = RECEIVE.with(4, new URL(url).host);
  await using source = await openStore(`sqlite:${join(cli.folder, 'source.db')}`);
  const open = async () => httpsTarget(url, { token: TOKEN, runtime: realRuntime });
  const destination = start(source, source, { open, limits: { ...DEFAULT_LIMITS, batchDocs: 20 } });
  for (let kills = 1; kills <= 3; kills += 1) {
    await until(() => destination.status().docs >= kills * 900, 'some came');
    receiver.child.kill('SIGKILL');
    await receiver.ended;
    receiver = cli.start(again);
    await receiver.until(READY);
  }
  await using copy = await openStore(`sqlite:${join(cli.folder, 'copy.db')}`, { mustExist: true });
  await until(async () => (await differences(source, copy)).length === 0, 'all came');
  await destination.stop();
  receiver.child.kill('SIGTERM');
  t.equal((await receiver.ended).code, 0);
  t.ok(destination.status().retries >= 3);
});

t.test('with TLS, and a certificate authority of one’s own', async (t) => {
  const certificates = await makeCertificates(['IP:127.0.0.1']);
  if (certificates === undefined) return skipLoudly(t, 'there is no openssl to make certificates with');
  const cli = await cliFor(t);
  await write(cli, 'token', TOKEN);
  await write(cli, 'cert.pem', certificates.cert);
  await write(cli, 'key.pem', certificates.key);
  await write(cli, 'ca.pem', certificates.ca);
  await fillSource(cli, 50);
  const receiver = cli.start([...RECEIVE, '--tls-cert', 'cert.pem', '--tls-key', 'key.pem']);
  const [, url = ''] = await receiver.until(READY);
  t.match(url, /^https:/);
  const send = ['replicate', '--from', 'sqlite:source.db', '--to', url, '--token-file', 'token', '--once'];
  const trusted = await cli.run([...send, '--ca', 'ca.pem']);
  t.equal(trusted.code, 0, trusted.stderr);
  receiver.child.kill('SIGINT');
  t.equal((await receiver.ended).code, 0);
  await compare(t, cli);
});

t.test('what is wrong is said with a code and what to do', async (t) => {
  const cli = await cliFor(t);
  await write(cli, 'token', TOKEN);
  await write(cli, 'short', 'secret\n');
  await write(cli, 'words', `${TOKEN} ${TOKEN}`);
  await write(cli, 'large', 'x'.repeat(5000));
  const store = ['receive', '--store', 'sqlite:copy.db'];
  for (const [args, exit, text] of [
    [[], 2, /--token-file is missing.*openssl rand/s],
    [['--token-file', 'none'], 1, /FILE_UNREADABLE/],
    [['--token-file', 'short'], 1, /RECEIVER_TOKEN_SHORT.*openssl rand/s],
    [['--token-file', 'words'], 1, /RECEIVER_TOKEN_SHORT.*more than one word/s],
    [['--token-file', 'large'], 1, /FILE_TOO_LARGE/],
    [['--token-file', 'token', '--listen', 'nowhere'], 2, /--listen is "nowhere"/],
    [['--token-file', 'token', '--listen', '0.0.0.0:0'], 1, /RECEIVER_INSECURE.*--tls-cert/s],
    [['--token-file', 'token', '--tls-cert', 'token'], 2, /go together/],
    [['--token-file', 'token', '--tls-cert', 'token', '--tls-key', 'token'], 1, /RECEIVER_TLS_INVALID/],
  ] as const) {
    const { code, stdout, stderr } = await cli.run([...store, ...args]);
    t.equal(code, exit, `${args.join(' ')}\n${stderr}`);
    t.match(stdout + stderr, text, args.join(' '));
  }
});

t.test('a token file that others can read gets a warning; --insecure listens anywhere', async (t) => {
  const cli = await cliFor(t);
  await write(cli, 'token', TOKEN, 0o644);
  const args = ['receive', '--store', 'sqlite:copy.db', '--listen', '0.0.0.0:0', '--insecure', '--token-file', 'token'];
  const receiver = cli.start(args);
  await receiver.until(READY);
  receiver.child.kill('SIGTERM');
  const { code, stdout } = await receiver.ended;
  t.equal(code, 0);
  t.match(stdout, /can be read by other users.*chmod 600/);
});
