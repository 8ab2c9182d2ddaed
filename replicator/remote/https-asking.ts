import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher } from 'undici';
import { CodedError } from '../../store/errors.ts';
import { replicatorError } from '../errors.ts';
import { parseJson, readObject } from './wire/checked.ts';
import { readWireError } from './wire/coded.ts';
import { damaged, otherProtocol, tooLarge } from './wire/damage.ts';
import { FRAME_BYTES_MAX, JSON_BYTES_MAX, PROTOCOL, PROTOCOL_HEADER } from './wire/limits.ts';

/** One for each request under way: HTTP/1.1 without pipelining, so that no large batch stands before a small answer. */
const CONNECTIONS_MAX = 64;
const CONNECT_MS_MAX = 10_000;
const KEEP_ALIVE_MS = 60_000;
/** The receiver gives a sign of life every 5 s while it works. Without any the link is given up. */
const SILENT_MS_MAX = 25_000;
/** A link that is slower than this, in bytes a millisecond, counts as silent while a request goes out. */
const UPLOAD_RATE_MIN = 16;
/** However lively. */
const REQUEST_MS_MAX = 900_000;
const ANSWER_BYTES_MAX = Math.max(FRAME_BYTES_MAX, JSON_BYTES_MAX);

const BLANK = 0x20;
const BRACE = 0x7b;

/** The connection broke without any answer: most often it was idle, and the other end had closed it. */
const BROKEN: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

export interface AskingOptions {
  readonly token: string;
  /** Certificates (PEM) of an authority that is trusted besides the public ones. */
  readonly ca?: string;
}

/** Requests to one receiver. All of them may be repeated. */
export class Asking {
  readonly #base: URL;
  readonly #agent: Agent;
  readonly #headers: Readonly<Record<string, string>>;

  /** `base`: with a path that ends in `/`. */
  constructor(base: URL, { token, ca }: AskingOptions) {
    this.#base = base;
    this.#agent = new Agent({
      ...{ connections: CONNECTIONS_MAX, pipelining: 1, allowH2: false },
      ...{ keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS },
      // A watchdog of our own sees to both, and to requests that don't get out.
      ...{ headersTimeout: 0, bodyTimeout: 0 },
      connect: { timeout: CONNECT_MS_MAX, ...(ca !== undefined && { ca: [...rootCertificates, ca] }) },
    });
    this.#headers = { authorization: `Bearer ${token}`, [PROTOCOL_HEADER]: String(PROTOCOL) };
  }

  /** Throws RECEIVER_* and WIRE_* codes, and whatever the receiver answers with. */
  async json(path: string, body: unknown, msMax?: number): Promise<string> {
    const answer = await this.#ask(path, 'application/json', Buffer.from(JSON.stringify(body)), msMax);
    if (answer[0] !== BRACE) throw damaged('an answer is no JSON');
    return answer.toString('utf8');
  }

  async frame(path: string, body: unknown): Promise<Buffer> {
    return await this.#ask(path, 'application/json', Buffer.from(JSON.stringify(body)));
  }

  async send(path: string, frame: Buffer): Promise<string> {
    return (await this.#ask(path, 'application/octet-stream', frame)).toString('utf8');
  }

  /** Gives up whatever is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #ask(path: string, type: string, body: Buffer, msMax = REQUEST_MS_MAX): Promise<Buffer> {
    try {
      return await this.#tryOnce(path, type, body, msMax);
    } catch (error) {
      if (!BROKEN.has(codeIn(error))) throw this.#explained(error);
    }
    try {
      return await this.#tryOnce(path, type, body, msMax);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  async #tryOnce(path: string, type: string, body: Buffer, msMax: number): Promise<Buffer> {
    const watch = new Watchdog(Math.min(msMax, SILENT_MS_MAX + body.length / UPLOAD_RATE_MIN), msMax);
    try {
      const response = await this.#agent.request({
        ...{ origin: this.#base.origin, path: this.#base.pathname + path, method: 'POST', body, signal: watch.signal },
        headers: { ...this.#headers, 'content-type': type },
      });
      watch.sign(SILENT_MS_MAX);
      const answer = await readAnswer(response, watch);
      return this.#judged(response, answer);
    } finally {
      watch.end();
    }
  }

  /** Blanks came before an answer that took long; with those it said 200, whatever it became. */
  #judged({ statusCode, headers }: Dispatcher.ResponseData, answer: Buffer): Buffer {
    const protocol = headers[PROTOCOL_HEADER];
    if (protocol === undefined) throw this.#notOurs(statusCode);
    if (protocol !== String(PROTOCOL)) throw otherProtocol(String(protocol));
    let start = 0;
    while (answer[start] === BLANK) start += 1;
    const trimmed = answer.subarray(start);
    if (trimmed[0] === BRACE) {
      const { error } = readObject(parseJson(trimmed.toString('utf8'), 'an answer'), 'an answer');
      if (error !== undefined) throw readWireError(error);
    }
    if (statusCode !== 200) throw damaged(`an answer has status ${statusCode}, and no error`);
    return trimmed;
  }

  /** A proxy that finds nobody behind it is a receiver that is down. */
  #notOurs(status: number): Error {
    const input = this.#base.href;
    if (status >= 500) {
      const message = `A proxy answers ${status} for ${input}: the receiver behind it can't be reached.`;
      return replicatorError('RECEIVER_UNREACHABLE', message, { input, retryable: true });
    }
    return replicatorError('RECEIVER_NOT_OURS', `Something else answers at ${input}, with status ${status}.`, {
      input,
    });
  }

  #explained(error: unknown): unknown {
    if (error instanceof CodedError) return error;
    const input = this.#base.href;
    const code = codeIn(error);
    const cause = (error as { cause?: unknown }).cause ?? error;
    const why = (cause as Error).message || code;
    if (/^(CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH)/.test(code)) {
      return replicatorError('RECEIVER_CERTIFICATE', `The certificate of ${input} is not trusted: ${why}`, {
        ...{ input, cause: error },
      });
    }
    if (code === 'UND_ERR_CONNECT_TIMEOUT') {
      const message = `${input} did not answer within ${CONNECT_MS_MAX / 1000} s.`;
      return replicatorError('RECEIVER_SILENT', message, { input, retryable: true, cause: error });
    }
    if (/^(HPE_|EPROTO|ERR_SSL)/.test(code)) {
      const message = `Something else answers at ${input}: ${why}`;
      return replicatorError('RECEIVER_NOT_OURS', message, { input, cause: error });
    }
    const message = `${input} can't be reached: ${why}`;
    return replicatorError('RECEIVER_UNREACHABLE', message, { input, retryable: true, cause: error });
  }
}

/** Aborts when nothing was heard for too long. */
class Watchdog {
  readonly #abort = new AbortController();
  readonly #limit: NodeJS.Timeout;
  #silence: NodeJS.Timeout;

  constructor(silentMsMax: number, msMax: number) {
    this.#silence = setTimeout(() => this.#giveUp(silentMsMax), silentMsMax);
    this.#limit = setTimeout(() => this.#giveUp(msMax), msMax);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Something was heard; the next sign must come within `ms`. */
  sign(ms: number): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#giveUp(ms), ms);
  }

  end(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#limit);
  }

  #giveUp(ms: number): void {
    const message = `Nothing was heard from the receiver for ${Math.round(ms / 100) / 10} s.`;
    this.#abort.abort(replicatorError('RECEIVER_SILENT', message, { retryable: true }));
  }
}

async function readAnswer({ body }: Dispatcher.ResponseData, watch: Watchdog): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    watch.sign(SILENT_MS_MAX);
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw tooLarge(`an answer of more than ${ANSWER_BYTES_MAX} bytes`);
  }
  return Buffer.concat(chunks, bytes);
}

/** Several addresses that failed come as one error with the others in it. */
function codeIn(error: unknown): string {
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown[] };
  if (error instanceof CodedError) return error.code;
  if (typeof code === 'string' && code !== 'UND_ERR_ABORTED') return code;
  if (Array.isArray(errors) && errors.length > 0) return codeIn(errors[0]);
  return cause === undefined || cause === null ? '' : codeIn(cause);
}
