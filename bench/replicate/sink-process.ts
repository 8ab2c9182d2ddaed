/** A process that swallows whatever comes; tells its port as JSON. */
import { type AddressInfo, createServer } from 'node:net';

const sink = createServer((socket) => socket.on('error', () => {}).resume());
sink.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: (sink.address() as AddressInfo).port })}\n`);
});
