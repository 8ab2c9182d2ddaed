import { errors } from 'undici';
import { CodedError } from '../store/errors.ts';
import { type CrawlerErrorCode, crawlerError } from './errors.ts';

/** System, TLS and undici errors by what they mean for a feed. */
const CODES: Readonly<Record<string, CrawlerErrorCode>> = {
  ENOTFOUND: 'FETCH_DNS',
  EAI_AGAIN: 'FETCH_DNS',
  EAI_FAIL: 'FETCH_DNS',
  EAI_NODATA: 'FETCH_DNS',
  ECONNREFUSED: 'FETCH_REFUSED',
  EHOSTUNREACH: 'FETCH_UNREACHABLE',
  EHOSTDOWN: 'FETCH_UNREACHABLE',
  ENETUNREACH: 'FETCH_UNREACHABLE',
  ENETDOWN: 'FETCH_UNREACHABLE',
  EADDRNOTAVAIL: 'FETCH_UNREACHABLE',
  EACCES: 'FETCH_UNREACHABLE',
  ETIMEDOUT: 'FETCH_TIMEOUT',
  UND_ERR_CONNECT_TIMEOUT: 'FETCH_TIMEOUT',
  UND_ERR_HEADERS_TIMEOUT: 'FETCH_TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'FETCH_TIMEOUT',
  ECONNRESET: 'FETCH_RESET',
  ECONNABORTED: 'FETCH_RESET',
  EPIPE: 'FETCH_RESET',
  UND_ERR_SOCKET: 'FETCH_RESET',
  UND_ERR_HEADERS_OVERFLOW: 'FETCH_HEADERS_TOO_LARGE',
  HPE_HEADER_OVERFLOW: 'FETCH_HEADERS_TOO_LARGE',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'FETCH_TRUNCATED',
  HPE_INVALID_EOF_STATE: 'FETCH_TRUNCATED',
  UND_ERR_DESTROYED: 'FETCH_ABORTED',
  UND_ERR_CLOSED: 'FETCH_ABORTED',
  UND_ERR_ABORTED: 'FETCH_ABORTED',
  EPROTO: 'FETCH_TLS',
};

/** Codes of OpenSSL's certificate checks that do not say `CERT`. */
const TLS_CODES: ReadonlySet<string> = new Set(['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'INVALID_CA', 'INVALID_PURPOSE']);

const RETRYABLE: ReadonlySet<CrawlerErrorCode> = new Set<CrawlerErrorCode>([
  'FETCH_DNS',
  'FETCH_REFUSED',
  'FETCH_UNREACHABLE',
  'FETCH_TIMEOUT',
  'FETCH_RESET',
  'FETCH_TRUNCATED',
  'FETCH_ABORTED',
  'FETCH_FAILED',
]);

/** What went wrong on the way to `url`. `answered`: an answer had begun, so that what was lost is its rest. */
export function fetchFailure(error: Error, url: string, answered: boolean): CodedError {
  if (error instanceof CodedError) return error.input === '' ? withInput(error, url) : error;
  const cause = rootOf(error);
  const found = codeFor(cause);
  const code = answered && found === 'FETCH_RESET' ? 'FETCH_TRUNCATED' : found;
  return crawlerError(code, messageFor(code, cause, url), { input: url, cause: error, retryable: RETRYABLE.has(code) });
}

/** Of several attempts (one for each address), the first that was more than a timeout. */
function rootOf(error: Error): Error {
  if (!(error instanceof AggregateError)) return error;
  const all = error.errors.filter((one): one is Error => one instanceof Error);
  return all.find((one) => systemCode(one) !== 'ETIMEDOUT') ?? all[0] ?? error;
}

function codeFor(error: Error): CrawlerErrorCode {
  const code = systemCode(error);
  const known = CODES[code];
  if (known !== undefined) return known;
  if (code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code.includes('CERT') || TLS_CODES.has(code)) {
    return 'FETCH_TLS';
  }
  if (error instanceof errors.HTTPParserError || code === 'UND_ERR_INVALID_ARG') return 'FETCH_PROTOCOL';
  return 'FETCH_FAILED';
}

function messageFor(code: CrawlerErrorCode, cause: Error, url: string): string {
  const detail = cause.message === '' ? systemCode(cause) : cause.message;
  switch (code) {
    case 'FETCH_DNS':
      return `The host name ${hostIn(url)} has no address (${systemCode(cause)})`;
    case 'FETCH_REFUSED':
      return `The connection to ${hostIn(url)} was refused`;
    case 'FETCH_TIMEOUT':
      return `No answer in time: ${detail}`;
    case 'FETCH_RESET':
      return `The connection broke before an answer: ${detail}`;
    case 'FETCH_TRUNCATED':
      return `The body is not as long as announced: ${detail}`;
    case 'FETCH_TLS':
      return `No secure connection: ${detail}`;
    case 'FETCH_HEADERS_TOO_LARGE':
      return 'The headers of the answer are too large';
    default:
      return detail;
  }
}

function hostIn(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** Node's code of an error, such as ECONNRESET; empty: it has none. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function withInput(error: CodedError, input: string): CodedError {
  const { message, advice, retryable } = error;
  return new CodedError(error.code, message, { input, advice, retryable, cause: error });
}
