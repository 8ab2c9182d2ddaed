import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Handles } from './server.ts';

export interface Control {
  readonly url: string;
  close(): Promise<void>;
}

const CONTROL_ADDRESS = '127.0.0.1';

/**
 * The world's handles for other processes, below `/__world/` on 127.0.0.1, on `port` where it is free.
 * Answers JSON, but for `opml`.
 */
export async function openControl(world: Handles, port: number): Promise<Control> {
  const server = createServer((request, response) => {
    answer(world, request, response).catch((error: unknown) => reply(response, 500, { error: String(error) }));
  });
  const listen = (wanted: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(wanted, CONTROL_ADDRESS, () => resolve());
    });
  await listen(port).catch(() => listen(0));
  const bound = server.address() as AddressInfo;
  return {
    url: `http://${CONTROL_ADDRESS}:${bound.port}/__world/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(world: Handles, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', `http://${CONTROL_ADDRESS}`);
  // A page of the web, opened in a browser on this machine, must not drive the world.
  if ((request.headers['sec-fetch-site'] ?? 'none') !== 'none')
    return reply(response, 403, { error: 'not for browsers' });
  const number = (name: string): number => {
    const value = Number(url.searchParams.get(name) ?? Number.NaN);
    return Number.isSafeInteger(value) && value >= 0 ? value : Number.NaN;
  };
  switch (url.pathname.replace(/^\/__world\//, '')) {
    case 'advance':
      return act(response, number('ms'), 'ms', (ms) => world.advance(ms), world);
    case 'publish':
      return act(response, number('entries'), 'entries', (entries) => world.publish(entries), world);
    case 'prepare':
      await world.prepare();
      return reply(response, 200, stateOf(world));
    case 'stats':
      return reply(response, 200, stateOf(world));
    case 'log':
      return reply(response, 200, world.log());
    case 'clear-log':
      world.clearLog();
      return reply(response, 200, stateOf(world));
    case 'feeds':
      return reply(response, 200, world.feeds);
    case 'opml':
      response.writeHead(200, { 'content-type': 'text/x-opml; charset=utf-8' }).end(world.opml());
      return;
    default:
      return reply(response, 404, { error: 'advance publish prepare stats log clear-log feeds opml' });
  }
}

function act(
  response: ServerResponse,
  value: number,
  name: string,
  action: (value: number) => void,
  world: Handles,
): void {
  if (Number.isNaN(value)) reply(response, 400, { error: `${name} must be a whole number, 0 or more` });
  else {
    action(value);
    reply(response, 200, stateOf(world));
  }
}

function stateOf({ world, stats, feeds }: Handles): Record<string, unknown> {
  return { now: world.now(), feeds: feeds.length, ...stats() };
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
