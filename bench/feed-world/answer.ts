import type { IncomingMessage, ServerResponse } from 'node:http';
import { isNotModified } from './conditional.ts';
import type { WorldFeed } from './feed.ts';
import type { WorldOptions } from './options.ts';
import type { Representation, Shelf } from './shelf.ts';

/** What was sent, for the log. `status` null: nothing. */
export interface Sent {
  readonly status: number | null;
  readonly bytes: number;
}

const REFUSALS = { 'not-found': 404, gone: 410, 'server-error': 500, 'too-many': 429 } as const;
const REDIRECTS = { moved: 301, 'moved-for-now': 302, 'redirect-loop': 302 } as const;

/** Answers a request for a feed document by the feed's kind. `listed`: it came by the address that subscribers know. */
export function answerFeed(
  request: IncomingMessage,
  response: ServerResponse,
  feed: WorldFeed,
  shelf: Shelf,
  options: WorldOptions,
  listed: boolean,
): Sent {
  const { kind } = feed;
  switch (kind) {
    case 'not-found':
    case 'gone':
    case 'server-error':
    case 'too-many':
      return refuse(response, REFUSALS[kind], kind === 'too-many' ? options.retryAfterS : null);
    case 'timeout':
      return { status: null, bytes: 0 };
    case 'moved':
    case 'moved-for-now':
    case 'redirect-loop':
      if (!listed) break;
      return redirect(response, REDIRECTS[kind], kind === 'redirect-loop' ? feed.listedPath : feed.path);
    default:
  }
  return sendDocument(request, response, feed, shelf, options);
}

function sendDocument(
  request: IncomingMessage,
  response: ServerResponse,
  feed: WorldFeed,
  shelf: Shelf,
  options: WorldOptions,
): Sent {
  const gzip = feed.kind === 'truncated-gzip' || (options.gzip && acceptsGzip(request));
  const found = shelf.get(feed, gzip);
  const headers = headersOf(found, options);
  if (isNotModified(request.headers, found)) {
    response.writeHead(304, headers).end();
    return { status: 304, bytes: 0 };
  }
  const full = { ...headers, 'content-type': found.contentType, ...encodingOf(found) };
  if (request.method === 'HEAD') {
    response.writeHead(200, { ...full, 'content-length': found.body.length }).end();
    return { status: 200, bytes: 0 };
  }
  return sendBody(response, feed, found.body, full);
}

function sendBody(response: ServerResponse, feed: WorldFeed, body: Buffer, headers: Record<string, string>): Sent {
  const half = body.subarray(0, Math.floor(body.length / 2));
  const { socket } = response;
  if (feed.kind === 'truncated-gzip') {
    response.writeHead(200, { ...headers, 'content-length': half.length }).end(half);
    return { status: 200, bytes: half.length };
  }
  response.writeHead(200, { ...headers, 'content-length': body.length });
  if (feed.kind === 'reset') response.write(half, () => socket?.resetAndDestroy());
  else if (feed.kind === 'short-body') response.write(half, () => socket?.end());
  else {
    response.end(body);
    return { status: 200, bytes: body.length };
  }
  return { status: 200, bytes: half.length };
}

function headersOf(found: Representation, options: WorldOptions): Record<string, string> {
  return {
    ...(options.gzip ? { vary: 'Accept-Encoding' } : {}),
    ...(found.etag === null ? {} : { etag: found.etag }),
    ...(found.lastModified === null ? {} : { 'last-modified': found.lastModified }),
    ...(options.maxAgeS === null ? {} : { 'cache-control': `max-age=${options.maxAgeS}` }),
  };
}

function encodingOf(found: Representation): Record<string, string> {
  return found.encoding === null ? {} : { 'content-encoding': found.encoding };
}

function refuse(response: ServerResponse, status: number, retryAfterS: number | null): Sent {
  const body = `${status}\n`;
  const headers = retryAfterS === null ? {} : { 'retry-after': String(retryAfterS) };
  response.writeHead(status, { ...headers, 'content-type': 'text/plain', 'content-length': body.length }).end(body);
  return { status, bytes: body.length };
}

function redirect(response: ServerResponse, status: number, location: string): Sent {
  response.writeHead(status, { location, 'content-length': 0 }).end();
  return { status, bytes: 0 };
}

/** `gzip;q=0` means no (RFC 9110 section 12.5.3). */
function acceptsGzip(request: IncomingMessage): boolean {
  const coding = /(?:^|,)\s*(?:gzip|x-gzip|\*)\s*(?:;\s*q=([\d.]+))?\s*(?:,|$)/i.exec(
    String(request.headers['accept-encoding'] ?? ''),
  );
  return coding !== null && Number(coding[1] ?? 1) > 0;
}
