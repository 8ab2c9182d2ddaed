import { CodedError, type ErrorDetails } from '../store/errors.ts';

/** The codes of `cli/`, each with what to do about it. */
export const CLI_ERRORS = {
  RUNTIME_TOO_OLD: 'Install Node 24 or newer; in a checkout `npm ci` brings it, and `npm start` uses it.',
  USAGE_INVALID: 'Run the command with --help to see what it takes.',
  SETTING_INVALID: 'Correct the value; `feedferry doctor` shows every setting and where it comes from.',
  SETTING_UNKNOWN: 'Correct or remove the key; docs/settings.md lists all of them.',
  CONFIG_UNREADABLE: 'Check the path given with --config or FEEDFERRY_CONFIG, and that the file can be read.',
  CONFIG_INVALID: 'The config file must be one JSON object, such as {"listen": "127.0.0.1:8080"}.',
  FILE_UNREADABLE: 'Check the path and the permissions; `-` stands for standard input.',
  FILE_UNWRITABLE: 'Check the path, the permissions and the free disk space; `-` stands for standard output.',
  FILE_TOO_LARGE: 'No feed and no subscription list is that large; check that this is the right file.',
  FEED_UNKNOWN: 'List the feeds with `feedferry feeds list`, then give an id, its first letters, or a URL.',
  FEED_AMBIGUOUS: 'Give more letters of the id.',
  IMPORT_EMPTY: 'Export the list again from the reader it comes from, and check that it holds feeds.',
  PORT_IN_USE: 'Stop the program that listens there, or choose another port: feedferry serve --listen 8081',
  PORT_FORBIDDEN: 'Ports below 1024 need special rights; choose a higher one: feedferry serve --listen 8080',
  ADDRESS_UNAVAILABLE: 'This machine has no such address; listen on 127.0.0.1 or 0.0.0.0.',
  SHUTDOWN_TIMEOUT: 'Something did not end in time and was cut off; what was acknowledged is stored.',
  INTERRUPTED: 'Run the command again: it goes on where it stopped.',
  INTERNAL: 'This is a fault in Feedferry. Run again with FEEDFERRY_DEBUG=1 and report what it prints.',
} as const;

export type CliErrorCode = keyof typeof CLI_ERRORS;

/** A cli error with the advice that its code carries, or with closer advice. */
export function cliError(code: CliErrorCode, message: string, details: ErrorDetails = {}): CodedError<CliErrorCode> {
  return new CodedError(code, message, { advice: CLI_ERRORS[code], ...details });
}
