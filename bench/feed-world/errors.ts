import { CodedError } from '../../store/errors.ts';

/** The codes of `bench/feed-world/`, each with what to do about it. */
export const WORLD_ERRORS = {
  WORLD_OPTION_INVALID: 'Correct the option; docs/feed-world.md and --help list them.',
  WORLD_NO_ADDRESS: 'Free the port, or name another one; 0 takes a free one.',
} as const;

export type WorldErrorCode = keyof typeof WORLD_ERRORS;

export function worldError(code: WorldErrorCode, message: string, input: string): CodedError<WorldErrorCode> {
  return new CodedError(code, message, { input, advice: WORLD_ERRORS[code] });
}
