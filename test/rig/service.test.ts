import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { redisUrl } from './redis.ts';
import { skipLoudly } from './skip.ts';

t.test('redis answers', async (t) => {
  const service = await redisUrl();
  if ('skip' in service) return skipLoudly(t, service.skip);
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  socket.write('PING\r\n');
  const [answer] = await once(socket, 'data');
  t.equal(String(answer), '+PONG\r\n');
  socket.destroy();
});

t.test('a server ends with whoever started it', async (t) => {
  const service = await redisUrl();
  if ('skip' in service) return skipLoudly(t, service.skip);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'serve.ts'), 'redis'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const { hostname, port } = new URL(JSON.parse(line).url);
  const ended = once(child, 'exit');
  child.stdin.destroy();
  t.strictSame(await ended, [0, null]);
  const [error] = await once(connect(Number(port), hostname), 'error');
  t.equal(error.code, 'ECONNREFUSED');
});
