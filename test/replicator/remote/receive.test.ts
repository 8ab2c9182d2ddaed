/** Who is let in, what a receiver bears, and what its senders are told. */
import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { httpsTarget } from '../../../replicator/remote/https-target.ts';
import { type ReceiverOptions, startReceiver } from '../../../replicator/remote/receive.ts';
import { FRAME_BYTES_MAX, PROTOCOL_HEADER } from '../../../replicator/remote/wire/limits.ts';
import { encodePush } from '../../../replicator/remote/wire/push.ts';
import { encodeSums } from '../../../replicator/remote/wire/sums.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import type { Store } from '../../../store/contract.ts';
import { failureOf } from '../../contract/with-store.ts';
import { until } from '../../rig/until.ts';
import { differences, fastRuntime, putArticles, sqlitePair } from '../sending/pair.ts';
import { proxyBefore, receiverFor, TOKEN, targetAt } from './receiving.ts';
import { articlesOf, hello, pushOf } from './target-contract.ts';

async function stores(t: Test): Promise<{ a: Store; b: Store }> {
  const pair = await sqlitePair();
  t.teardown(() => pair[Symbol.asyncDispose]());
  return pair;
}

async function post(url: string, path: string, init: RequestInit = {}, token = TOKEN): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, [PROTOCOL_HEADER]: '1', ...init.headers };
  return await fetch(`${url}/replication/${path}`, { method: 'POST', ...init, headers });
}

async function codeOf(response: Response): Promise<string> {
  const { error } = (await response.json()) as { error: { code: string } };
  return error.code;
}

t.test('a wrong token gets 401 after a while, is counted and logged; the right one is not held up', async (t) => {
  const { b } = await stores(t);
  const lines: unknown[] = [];
  const log = { info: () => {}, warn: (fields: object) => void lines.push(fields) };
  const receiver = await receiverFor(t, b, { log, limits: { wrongTokenMs: 1_000 } });
  const answered: string[] = [];
  const wrong = ['', 'x', `${TOKEN}x`, TOKEN.toUpperCase()].map(async (token) => {
    const response = await post(receiver.url, 'inspect', {}, token);
    answered.push('wrong');
    return response;
  });
  await until(() => receiver.status().refused === 4, 'all have come');
  t.equal((await post(receiver.url, 'inspect')).status, 200);
  answered.push('right');
  for (const response of await Promise.all(wrong)) {
    t.equal(response.status, 401);
    t.equal(await codeOf(response), 'RECEIVER_UNAUTHORIZED');
  }
  t.equal(answered[0], 'right', 'the wrong ones wait, the right one does not');
  t.equal(receiver.status().refused, 4);
  t.equal(lines.length, 1, 'one line for all of them');
  await t.rejects(targetAt(t, receiver.url, 'another-token-than-that').inspect(), {
    code: 'RECEIVER_UNAUTHORIZED',
    advice: /same token/,
  });
});

t.test('too many wrong tokens at once are dropped without an answer', async (t) => {
  const { b } = await stores(t);
  const receiver = await receiverFor(t, b, { limits: { wrongTokenMs: 2_000 } });
  const many = await Promise.allSettled(Array.from({ length: 60 }, () => post(receiver.url, 'inspect', {}, 'wrong')));
  const answered = many.filter(({ status }) => status === 'fulfilled').length;
  t.ok(answered >= 32 && answered < 60, `${answered} got an answer`);
  t.equal((await post(receiver.url, 'inspect')).status, 200);
});

t.test('without TLS it listens on this machine only, unless told otherwise; a token must be long', async (t) => {
  const { b } = await stores(t);
  const start = (over: Partial<ReceiverOptions>) =>
    startReceiver({
      ...{ store: b, engine: b.engine, listen: { host: '0.0.0.0', port: 0 }, token: TOKEN, tls: null },
      ...{ runtime: realRuntime, ...over },
    });
  await t.rejects(start({}), { code: 'RECEIVER_INSECURE', input: '0.0.0.0', advice: /--tls-cert.*--insecure/s });
  await t.rejects(start({ listen: { host: '127.0.0.1', port: 0 }, token: 'short' }), {
    code: 'RECEIVER_TOKEN_SHORT',
    advice: /openssl rand/,
  });
  await t.rejects(start({ tls: { cert: 'no', key: 'no' } }), { code: 'RECEIVER_TLS_INVALID' });
  const open = await start({ insecure: true });
  t.teardown(() => open.close());
  const { port } = new URL(open.url);
  await t.rejects(start({ listen: { host: '127.0.0.1', port: Number(port) } }), { code: 'RECEIVER_ADDRESS_UNUSABLE' });
});

t.test('a sender takes only URLs on which its token is safe', async (t) => {
  const make =
    (url: string, token = TOKEN) =>
    () =>
      httpsTarget(url, { token, runtime: realRuntime });
  for (const url of ['http://example.org', 'https://user:pass@example.org', 'ftp://x', 'https://x/?a=1', 'nonsense']) {
    t.throws(make(url), { code: 'RECEIVER_URL_INVALID' }, url);
  }
  t.throws(make('https://u:secret@x'), { message: /^(?!.*secret)/ });
  t.throws(make('https://x', ''), { code: 'RECEIVER_TOKEN_MISSING' });
  t.equal(make('https://oslo.example.org:8443/')().url, 'https://oslo.example.org:8443');
  t.equal(make('https://example.org/feed/ferry/')().url, 'https://example.org/feed/ferry');
});

t.test('a path that a proxy puts in front does not matter', async (t) => {
  const { b } = await stores(t);
  const receiver = await receiverFor(t, b);
  t.equal((await targetAt(t, `${receiver.url}/some/where`).inspect()).site, b.site);
});

t.test('a session that nobody uses ends; its sender is told to connect anew, and may', async (t) => {
  const { a, b } = await stores(t);
  const receiver = await receiverFor(t, b, { runtime: fastRuntime(20), limits: { idleMsMax: 4_000 } });
  const target = targetAt(t, receiver.url);
  const session = await target.connect(hello(a));
  t.equal(receiver.status().sessions.length, 1);
  await until(() => receiver.status().sessions.length === 0, 'it ended');
  await t.rejects(session.push(pushOf([])), { code: 'RECEIVER_SESSION_UNKNOWN', retryable: true });
  await (await target.connect(hello(a))).push(pushOf([]));
});

t.test('a sender that connects anew replaces its old session; others stay', async (t) => {
  const { a, b } = await stores(t);
  const receiver = await receiverFor(t, b);
  const target = targetAt(t, receiver.url);
  const first = await target.connect(hello(a));
  const other = await target.connect(hello(a, { session: 'another replicator' }));
  const second = await target.connect(hello(a));
  t.equal(receiver.status().sessions.length, 2);
  await t.rejects(first.push(pushOf([])), { code: 'RECEIVER_SESSION_UNKNOWN' });
  await Promise.all([other.push(pushOf([])), second.push(pushOf([]))]);
});

t.test('there is a limit on sessions', async (t) => {
  const { a, b } = await stores(t);
  const receiver = await receiverFor(t, b, { limits: { sessionsMax: 2 } });
  const target = targetAt(t, receiver.url);
  await target.connect(hello(a, { session: '1' }));
  const second = await target.connect(hello(a, { session: '2' }));
  await t.rejects(target.connect(hello(a, { session: '3' })), { code: 'RECEIVER_BUSY', retryable: true });
  await second.close();
  await target.connect(hello(a, { session: '3' }));
});

t.test('requests that are too large, of another kind or of no kind are refused with a code', async (t) => {
  const { a, b } = await stores(t);
  const receiver = await receiverFor(t, b, { limits: { bytesMax: 1000 } });
  const session = await targetAt(t, receiver.url).connect(hello(a));
  t.ok(session);
  const connection = { headers: { [PROTOCOL_HEADER]: '2' } };
  t.equal(await codeOf(await post(receiver.url, 'inspect', connection)), 'WIRE_VERSION');
  t.equal(await codeOf(await post(receiver.url, 'nothing')), 'WIRE_VERSION');
  t.equal(await codeOf(await post(receiver.url, 'databases/none/sums')), 'WIRE_DAMAGED');
  t.equal(await codeOf(await post(receiver.url, 'sessions', { body: '{' })), 'WIRE_DAMAGED');
  t.equal(await codeOf(await post(receiver.url, 'sessions', { body: 'x'.repeat(2000) })), 'RECEIVER_BUSY');
  const early = await announce(receiver.url, FRAME_BYTES_MAX + 1);
  t.match(early, /^HTTP\/1\.1 413 /, 'before a byte of it was sent');
  t.match(early, /WIRE_TOO_LARGE/);
});

/** What a receiver answers to the head of a push of so many bytes. */
async function announce(url: string, bytes: number): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST /replication/sessions/x/push HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n` +
      `${PROTOCOL_HEADER}: 1\r\ncontent-length: ${bytes}\r\n\r\n`,
  );
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  await once(socket, 'close');
  return text;
}

t.test('who sends slower than any sender would is cut off', async (t) => {
  const { b } = await stores(t);
  const receiver = await receiverFor(t, b, { limits: { headersMsMax: 300, requestMsMax: 600 } });
  const { hostname, port } = new URL(receiver.url);
  const heads = connect(Number(port), hostname);
  heads.on('error', () => {}).resume();
  heads.write('POST /replication/inspect HTTP/1.1\r\nx');
  const body = connect(Number(port), hostname);
  body.on('error', () => {}).resume();
  body.write(
    `POST /replication/inspect HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n${PROTOCOL_HEADER}: 1\r\ncontent-length: 10\r\n\r\n1`,
  );
  await Promise.all([once(heads, 'close'), once(body, 'close')]);
  t.equal((await post(receiver.url, 'inspect')).status, 200);
});

t.test('a damaged frame is refused, nothing of it is used, and the session goes on', async (t) => {
  const { a, b } = await stores(t);
  await putArticles(a, 'x', 40);
  const receiver = await receiverFor(t, b);
  const admission = await post(receiver.url, 'sessions', { body: JSON.stringify(hello(a)) });
  const { id } = (await admission.json()) as { id: string };
  const [frame = Buffer.alloc(0)] = await encodePush(pushOf(await articlesOf(a)));
  const push = (body: Buffer) => post(receiver.url, `sessions/${id}/push`, { body: Uint8Array.from(body) });
  for (let at = 0; at < frame.length; at += Math.ceil(frame.length / 20)) {
    const hit = Buffer.from(frame);
    hit[at] = (hit[at] ?? 0) ^ 0x10;
    const code = await codeOf(await push(hit));
    t.ok(['WIRE_DAMAGED', 'WIRE_VERSION'].includes(code), `byte ${at}: ${code}`);
    t.equal(await codeOf(await push(frame.subarray(0, at))), 'WIRE_DAMAGED');
  }
  t.equal(await b.articles.count(), 0);
  t.equal((await push(frame)).status, 200);
  t.strictSame(await differences(a, b), []);
});

t.test('work that takes long gives signs of life, and its end is the answer, be it an error', async (t) => {
  const { a, b } = await stores(t);
  const late = Promise.withResolvers<void>();
  let fails = false;
  const slow = {
    ...{ url: b.url, site: b.site, control: b.control },
    database: (name: 'articles') => ({
      ...{ changes: b.articles.changes, name },
      bucketSums: async () => {
        await late.promise;
        if (fails) throw new Error('a fault');
        return await b.articles.bucketSums();
      },
    }),
  };
  const lines: unknown[] = [];
  const log = { info: () => {}, warn: (fields: object) => void lines.push(fields) };
  const receiver = await receiverFor(t, b, { store: slow as unknown as Store, log, limits: { heartbeatMs: 20 } });
  const response = await post(receiver.url, 'databases/articles/sums');
  const reader = response.body?.getReader();
  const first = await reader?.read();
  t.equal(
    Buffer.from(first?.value ?? [])
      .toString()
      .trim(),
    '',
    'a blank, while it works',
  );
  late.resolve();
  let rest = Buffer.alloc(0);
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
    rest = Buffer.concat([rest, read.value ?? Buffer.alloc(0)]);
  }
  t.equal(rest.toString('latin1').trimStart(), (await encodeSums([])).toString('latin1'));
  const side = targetAt(t, receiver.url).compare('articles');
  t.strictSame(await side.bucketSums(), []);
  fails = true;
  await t.rejects(side.bucketSums(), { code: 'RECEIVER_FAILED' });
  t.match(lines, [{ err: { message: 'a fault' } }], 'its log says what it was');
  t.ok(a);
});

t.test('closing finishes what is in flight, then turns away; within its time whatever hangs', async (t) => {
  const { a, b } = await stores(t);
  await putArticles(a, 'x', 500);
  const receiver = await receiverFor(t, b);
  const target = targetAt(t, receiver.url);
  const session = await target.connect(hello(a));
  const pushing = session.push(pushOf(await articlesOf(a)));
  await until(() => receiver.status().requests === 2, 'the push has come');
  const closing = receiver.close();
  t.match(await pushing, { written: 500 });
  await closing;
  t.strictSame(await differences(a, b), []);
  const code = await failureOf(session.push(pushOf([])));
  t.equal(code, 'RECEIVER_UNREACHABLE');
});

t.test('a receiver that hangs in its store closes all the same', async (t) => {
  const { a, b } = await stores(t);
  const hanging = { ...b, database: () => ({ bucketSums: () => new Promise(() => {}) }) } as unknown as Store;
  const receiver = await receiverFor(t, b, { store: hanging, limits: { closeMsMax: 100, heartbeatMs: 20 } });
  const asked = failureOf(targetAt(t, receiver.url).compare('articles').bucketSums());
  await until(() => receiver.status().requests === 1, 'it was asked');
  await receiver.close();
  t.equal(await asked, 'RECEIVER_UNREACHABLE');
  t.ok(a);
});

t.test('equal sums cost a few hundred bytes on the wire', async (t) => {
  const { b } = await stores(t);
  await putArticles(b, 'x', 3000);
  const receiver = await receiverFor(t, b);
  const proxy = await proxyBefore(t, receiver);
  const side = targetAt(t, proxy.url).compare('articles');
  await side.bucketSums(b.articles.bucketSums());
  const { requestBytes, replyBytes } = proxy.counts();
  t.ok(requestBytes < 400 && replyBytes < 400, `${requestBytes} there, ${replyBytes} back`);
  await side.bucketSums();
  t.ok(proxy.counts().replyBytes > 20_000, 'the rows themselves cost more');
});

t.test('health is told without a token, and nothing else', async (t) => {
  const { b } = await stores(t);
  const receiver = await receiverFor(t, b);
  t.strictSame(await (await fetch(`${receiver.url}/healthz`)).json(), { ok: true, receiver: true });
  t.equal((await fetch(`${receiver.url}/replication/inspect`)).status, 401);
});
