/** Coded errors on their way over the wire: what went wrong at the other end is shown here as if it had been here. */
import { CodedError } from '../../../store/errors.ts';
import { replicatorError } from '../../errors.ts';
import { readObject, readText } from './checked.ts';
import { damaged } from './damage.ts';

const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;
/** Of each text of an error. */
const TEXT_CHARS_MAX = 2_000;

export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly input: string;
  readonly advice: string;
  readonly retryable: boolean;
}

/** What is no coded error is a fault of ours: it is logged here and only named there. */
export function wireError(error: unknown): WireError {
  const coded =
    error instanceof CodedError
      ? error
      : replicatorError('RECEIVER_FAILED', 'The receiver failed; its log says why.', { retryable: true });
  const { code, message, input, advice, retryable } = coded;
  const short = (text: string): string => text.slice(0, TEXT_CHARS_MAX);
  return { code, message: short(message), input: short(input), advice: short(advice), retryable };
}

/** Throws WIRE_DAMAGED where it is no error of a receiver. */
export function readWireError(value: unknown): CodedError {
  const { code, message, input, advice, retryable } = readObject(value, 'an error');
  if (typeof code !== 'string' || !CODE.test(code)) throw damaged('an error has no code');
  return new CodedError(code, readText(message, 'a message'), {
    input: readText(input, 'the input of an error'),
    advice: readText(advice, 'an advice'),
    retryable: retryable === true,
  });
}
