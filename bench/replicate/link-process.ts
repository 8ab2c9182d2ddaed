/**
 * A process that is a long line: a proxy with a delay and a rate, in front of a port. `link-process.ts JSON`
 * Tells its port, and every 100 ms the bytes that passed, as JSON lines.
 */
import { startTcpProxy } from '../../test/rig/tcp-proxy.ts';

export interface LinkSettings {
  /** On loopback. */
  readonly to: number;
  /** There and back. */
  readonly roundTripMs: number;
  readonly bitsPerSecond: number;
}

const TELL_MS = 100;

const { to, roundTripMs, bitsPerSecond } = JSON.parse(process.argv[2] ?? '') as LinkSettings;
const proxy = await startTcpProxy({ host: '127.0.0.1', port: to });
await proxy.behave({ delayMs: roundTripMs / 2, bytesPerSecondMax: bitsPerSecond / 8 });
const tell = (): void => {
  process.stdout.write(`${JSON.stringify({ port: proxy.port, at: performance.now(), ...proxy.counts() })}\n`);
};
setInterval(tell, TELL_MS);
tell();
