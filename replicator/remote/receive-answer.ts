/** Reading the body of a request and writing an answer, with limits on both. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CodedError } from '../../store/errors.ts';
import { wireError } from './wire/coded.ts';
import { damaged, tooLarge } from './wire/damage.ts';
import { PROTOCOL, PROTOCOL_HEADER } from './wire/limits.ts';

/** What is not read of a body when the answer is an error: a little, so that the sender sees the answer. */
const DRAINED_BYTES_MAX = 256 * 1024;

export type Answer =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'frame'; readonly frame: Buffer };

const STATUSES: Readonly<Record<string, number>> = {
  RECEIVER_UNAUTHORIZED: 401,
  RECEIVER_SESSION_UNKNOWN: 404,
  WIRE_DAMAGED: 400,
  WIRE_VERSION: 400,
  WIRE_TOO_LARGE: 413,
  BATCH_INVALID: 422,
  RECEIVER_FAILED: 500,
};

/** Of the body that was announced. Throws WIRE_TOO_LARGE and WIRE_DAMAGED before anything of it is read. */
export function announcedBytes(request: IncomingMessage, bytesMax: number): number {
  const bytes = Number(request.headers['content-length'] ?? Number.NaN);
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw damaged('a request does not say how long it is');
  if (bytes > bytesMax) throw tooLarge(`a request of ${bytes} bytes, more than ${bytesMax}`);
  return bytes;
}

export async function readBody(request: IncomingMessage, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
    }
  } catch (cause) {
    throw damaged('a request was cut short', cause);
  }
  if (length !== bytes) throw damaged('a request is shorter than it says');
  return Buffer.concat(chunks, length);
}

/** Answers with what `work` comes to. Meanwhile the sender gets a blank now and then: it is worked on, the link lives. */
export async function answerWith(
  response: ServerResponse,
  heartbeatMs: number,
  work: () => Promise<Answer>,
  onError: (error: unknown) => void,
): Promise<void> {
  const beating = setInterval(() => {
    if (!response.headersSent) response.writeHead(200, headersOf('application/octet-stream'));
    response.write(' ');
  }, heartbeatMs);
  response.on('close', () => clearInterval(beating));
  try {
    const answer = await work();
    clearInterval(beating);
    if (answer.kind === 'frame') send(response, 200, 'application/octet-stream', answer.frame);
    else send(response, 200, 'application/json', Buffer.from(JSON.stringify(answer.value)));
  } catch (error) {
    clearInterval(beating);
    onError(error);
    sendError(response, error);
  }
}

export function sendError(response: ServerResponse, error: unknown): void {
  const shown = wireError(error);
  const status = STATUSES[shown.code] ?? (shown.retryable ? 503 : 409);
  send(response, status, 'application/json', Buffer.from(JSON.stringify({ error: shown })));
}

/** As `sendError`, where the body was not read; the connection ends with it. */
export function sendErrorEarly(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  response.setHeader('connection', 'close');
  let drained = 0;
  request.on('error', () => {});
  request.on('data', (chunk: Buffer) => {
    drained += chunk.length;
    if (drained > DRAINED_BYTES_MAX) request.destroy();
  });
  sendError(response, error);
}

/** Whether an error is worth a line in the log of the receiver: the sender sees all of them. */
export function isOurs(error: unknown): boolean {
  return !(error instanceof CodedError) || !['RECEIVER_SESSION_UNKNOWN', 'RECEIVER_CLOSING'].includes(error.code);
}

function send(response: ServerResponse, status: number, type: string, body: Buffer): void {
  if (response.destroyed) return;
  if (!response.headersSent) {
    response.writeHead(status, { ...headersOf(type), 'content-length': body.length });
  }
  response.end(body);
}

/** The last one asks nginx to pass signs of life on as they come. */
function headersOf(type: string): Record<string, string> {
  return {
    'content-type': type,
    'cache-control': 'no-store',
    [PROTOCOL_HEADER]: String(PROTOCOL),
    'x-accel-buffering': 'no',
  };
}
