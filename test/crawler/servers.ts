/** Servers on loopback for the tests of the crawler: obedient ones (node:http) and others (bare sockets). */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';

export interface TestServer extends AsyncDisposable {
  /** On 127.0.0.1; `at` gives the same server under another loopback address, another host for the crawler. */
  readonly url: string;
  at(host: string, path?: string): string;
  readonly port: number;
  /** Of HTTP servers: every request in order. */
  readonly requests: { method: string; url: string; host: string; headers: Record<string, string>; at: number }[];
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export async function httpServer(handler: Handler, tls?: { key: string; cert: string }): Promise<TestServer> {
  const requests: TestServer['requests'] = [];
  const listener: Handler = (request, response) => {
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const { method = '', url = '' } = request;
    requests.push({ method, url, host: (headers.host ?? '').replace(/:\d+$/, ''), headers, at: Date.now() });
    handler(request, response);
  };
  const server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
  return listening(server, requests, tls === undefined ? 'http' : 'https');
}

/** Whatever `onConnection` does with a socket. */
export async function socketServer(onConnection: (socket: Socket) => void): Promise<TestServer> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  return listening(server, [], 'http');
}

/** Reads a request's head, then answers with the bytes as they are. */
export async function scriptedServer(answer: (socket: Socket, head: string) => void): Promise<TestServer> {
  return socketServer((socket) => {
    let head = '';
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      const whole = head;
      head = '';
      answer(socket, whole);
    });
  });
}

async function listening(server: Server, requests: TestServer['requests'], scheme: string): Promise<TestServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    at: (host, path = '/') => `${scheme}://${host}:${port}${path}`,
    port,
    requests,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A port where nothing listens: it was free a moment ago. */
export async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
