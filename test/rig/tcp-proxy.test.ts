import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

/** An echo server behind a proxy. */
async function echo(t: Test): Promise<{ proxy: TcpProxy; heard: Buffer[] }> {
  const heard: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      heard.push(chunk);
      socket.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy = await startTcpProxy({ host: '127.0.0.1', port });
  t.teardown(async () => {
    await proxy[Symbol.asyncDispose]();
    server.close();
  });
  return { proxy, heard };
}

async function dial(t: Test, proxy: TcpProxy): Promise<Socket> {
  const socket = connect(proxy.port, proxy.host);
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

async function reply(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = await once(socket, 'data');
  return String(chunk);
}

/** The error code that a connection ends with; empty: it was closed in good order. */
async function ending(socket: Socket): Promise<string> {
  let code = '';
  socket.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code ?? '';
  });
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  return code;
}

/** Both sides have what was sent: one more round trip on another connection has passed. */
async function settled(t: Test, proxy: TcpProxy): Promise<void> {
  const other = await dial(t, proxy);
  await reply(other, '.');
  other.destroy();
}

t.test('it passes both ways, whole and in order', async (t) => {
  const { proxy } = await echo(t);
  const socket = await dial(t, proxy);
  const sent = Buffer.from(Uint8Array.from({ length: 10_000_000 }, (_, at) => at % 251));
  const got: Buffer[] = [];
  let bytes = 0;
  socket.on('data', (chunk) => {
    got.push(chunk);
    bytes += chunk.length;
  });
  socket.write(sent);
  await until(() => bytes === sent.length, 'all came back');
  t.ok(Buffer.concat(got).equals(sent));
});

t.test('delay holds every chunk, each way', async (t) => {
  const { proxy } = await echo(t);
  const socket = await dial(t, proxy);
  await proxy.behave({ delayMs: 60 });
  const started = performance.now();
  t.equal(await reply(socket, 'slow'), 'slow');
  t.ok(performance.now() - started >= 115);
});

t.test('cut closes connections in good order, reset does not; new ones are welcome', async (t) => {
  const { proxy } = await echo(t);
  for (const [how, code] of [
    ['cut', ''],
    ['reset', 'ECONNRESET'],
  ] as const) {
    const socket = await dial(t, proxy);
    await reply(socket, 'hello');
    const ended = ending(socket);
    t.equal(proxy.drop(how), 1);
    t.equal(await ended, code);
  }
  t.equal(await reply(await dial(t, proxy), 'again'), 'again');
});

t.test('mute keeps connections open while nothing passes', async (t) => {
  const { proxy, heard } = await echo(t);
  const socket = await dial(t, proxy);
  await reply(socket, 'hello');
  await proxy.behave({ mute: 'both' });
  let replies = 0;
  socket.on('data', () => {
    replies += 1;
  });
  socket.write('lost');
  await until(() => proxy.counts().lostBytes === 4, 'four bytes are lost');
  await proxy.behave({ mute: 'none' });
  await settled(t, proxy);
  t.equal(replies, 0);
  t.notOk(Buffer.concat(heard).includes('lost'));
  t.equal(socket.readyState, 'open');
});

t.test('a lost acknowledgement: the request arrives, its reply does not', async (t) => {
  const { proxy, heard } = await echo(t);
  const socket = await dial(t, proxy);
  await reply(socket, 'hello');
  await proxy.behave({ mute: 'replies' });
  socket.on('data', () => t.fail('a reply came through'));
  socket.write('write this');
  await until(() => Buffer.concat(heard).includes('write this'), 'the write arrived');
  t.equal(socket.readyState, 'open');
});

t.test('a half-open peer: one side went away, the other does not learn of it', async (t) => {
  const { proxy } = await echo(t);
  const socket = await dial(t, proxy);
  await reply(socket, 'hello');
  await proxy.behave({ mute: 'both' });
  socket.destroy();
  await once(socket, 'close');
  t.equal(proxy.counts().open, 1, 'its pair at the server is still there');
});

t.test('refuse turns new connections away and leaves those that are there', async (t) => {
  const { proxy } = await echo(t);
  const socket = await dial(t, proxy);
  await proxy.behave({ refuse: true });
  await t.rejects(dial(t, proxy), { code: 'ECONNREFUSED' });
  t.equal(await reply(socket, 'still here'), 'still here');
  await proxy.behave({ refuse: false });
  t.equal(await reply(await dial(t, proxy), 'again'), 'again');
  t.equal(proxy.counts().accepted, 2);
});

t.test('a connection can break after so many bytes of replies', async (t) => {
  const { proxy } = await echo(t);
  await proxy.behave({ resetAfterBytes: 10 });
  const socket = await dial(t, proxy);
  t.equal(await reply(socket, '12345'), '12345');
  const ended = ending(socket);
  socket.write('6789012345');
  t.equal(await ended, 'ECONNRESET');
});

t.test('all connections share one line with a rate', async (t) => {
  const { proxy, heard } = await echo(t);
  const sockets = await Promise.all([dial(t, proxy), dial(t, proxy)]);
  await proxy.behave({ bytesPerSecondMax: 1_000_000 });
  const started = performance.now();
  for (const socket of sockets) socket.write(Buffer.alloc(100_000));
  await until(() => heard.reduce((sum, chunk) => sum + chunk.length, 0) === 200_000, 'all arrived');
  const ms = performance.now() - started;
  t.ok(ms >= 190, `200 kB took ${ms} ms`);
});

t.test('a connection can break after so many bytes of requests', async (t) => {
  const { proxy } = await echo(t);
  await proxy.behave({ resetAfterRequestBytes: 10 });
  const socket = await dial(t, proxy);
  t.equal(await reply(socket, '12345'), '12345');
  const ended = ending(socket);
  socket.write('6789012345');
  t.equal(await ended, 'ECONNRESET');
});

t.test('requests can arrive twice; their replies come once', async (t) => {
  const { proxy, heard } = await echo(t);
  await proxy.behave({ double: true });
  const socket = await dial(t, proxy);
  t.equal(await reply(socket, 'once'), 'once');
  await until(() => Buffer.concat(heard).toString() === 'onceonce', 'it arrived twice');
  t.strictSame(proxy.counts().replyBytes, 4);
});
