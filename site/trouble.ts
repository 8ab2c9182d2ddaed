import { CodedError } from '../store/errors.ts';
import { adviceFor } from './advice.ts';
import { siteError, statusOf } from './errors.ts';
import type { Trouble } from './pages/trouble.ts';

/** What fastify and its plugins throw, as errors of this site. */
function ownError(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
  const cause = { cause: error };
  if (code === 'FST_ERR_HANDLER_TIMEOUT') {
    return siteError('SITE_TIMEOUT', 'This took longer than a page may take.', { ...cause, retryable: true });
  }
  if (status === 413) return siteError('SITE_BODY_TOO_LARGE', 'What was sent is too large.', cause);
  if (status === 415 || status === 406) {
    return siteError('SITE_BODY_UNSUPPORTED', 'What was sent is of a kind that is not taken here.', cause);
  }
  if (status >= 400 && status < 500) {
    return siteError('SITE_REQUEST_INVALID', 'The request could not be understood.', cause);
  }
  return siteError('SITE_INTERNAL', 'This page could not be made.', cause);
}

/** Any thrown value, for a page and for programs. */
export function troubleOf(error: unknown): Trouble & { readonly error: CodedError } {
  const own = ownError(error);
  const isReadOnly = own.code === 'DATABASE_READ_ONLY';
  const { code, message } = own;
  const advice = adviceFor(code) ?? own.advice;
  return { status: statusOf(code), code, message, advice, isReadOnly, error: own };
}
