/** Whether `serve` could listen on an address, and who does where it could not. Used by `serve` and `doctor`. */
import { createServer } from 'node:net';
import type { CodedError } from '../store/errors.ts';
import { cliError } from './errors.ts';
import { type ListenAddress, listenAddress } from './setting-kinds.ts';

/** Longest wait for whoever listens there to say who it is, in ms. */
const ANSWER_MS_MAX = 1500;

/** Of `/healthz`, in bytes. */
const ANSWER_BYTES_MAX = 64 * 1024;

export type ListenProbe =
  | { readonly kind: 'free' }
  /** Another Feedferry, or this one. */
  | { readonly kind: 'feedferry' }
  | { readonly kind: 'refused'; readonly error: CodedError };

export async function probeListen(listen: ListenAddress): Promise<ListenProbe> {
  const failure = await tryToListen(listen);
  if (failure === undefined) return { kind: 'free' };
  const where = listenAddress.show(listen);
  switch (failure.code) {
    case 'EADDRINUSE':
      if (await isFeedferry(listen)) return { kind: 'feedferry' };
      return refused('PORT_IN_USE', `Another program listens on ${where}`);
    case 'EACCES':
      return refused('PORT_FORBIDDEN', `This user may not listen on ${where}`);
    default:
      return refused('ADDRESS_UNAVAILABLE', `Cannot listen on ${where}: ${failure.message}`);
  }

  function refused(code: Parameters<typeof cliError>[0], message: string): ListenProbe {
    return { kind: 'refused', error: cliError(code, message, { input: where, cause: failure }) };
  }
}

function tryToListen({ host, port }: ListenAddress): Promise<NodeJS.ErrnoException | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Asks for its health page; anything but Feedferry's answer, or none in time, is somebody else. */
async function isFeedferry({ host, port }: ListenAddress): Promise<boolean> {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  try {
    const url = `http://${listenAddress.show({ host: reachable, port })}/healthz`;
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX), redirect: 'manual' });
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString('latin1');
      if (text.length > ANSWER_BYTES_MAX) return false;
    }
    return saysFeedferry(text);
  } catch {
    return false;
  }
}

function saysFeedferry(text: string): boolean {
  const answer: unknown = JSON.parse(text);
  return answer !== null && typeof answer === 'object' && 'ok' in answer && 'site' in answer;
}
