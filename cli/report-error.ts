import { inspect } from 'node:util';
import { CodedError } from '../store/errors.ts';
import { cliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { columnsOf, type Io, write } from './io.ts';
import { printable, wrap } from './text.ts';

/** Codes of wrong use: nothing was done, and the same call can never succeed. */
const WRONG_USE: ReadonlySet<string> = new Set([
  'USAGE_INVALID',
  'SETTING_INVALID',
  'SETTING_UNKNOWN',
  'CONFIG_UNREADABLE',
  'CONFIG_INVALID',
]);

/** Prints a failure on stderr, as text or (`--json`) as one JSON line, and says how the process must end. */
export async function reportError(thrown: unknown, io: Io, json: boolean): Promise<ExitCode> {
  const error = toCoded(thrown);
  // Lines are wrapped for people only: elsewhere somebody may search them.
  const columns = io.stderr.isTTY === true ? columnsOf(io.stderr) : Number.POSITIVE_INFINITY;
  await write(io.stderr, json ? `${JSON.stringify({ error: machineShape(error) })}\n` : errorText(error, columns));
  if (io.env.FEEDFERRY_DEBUG === '1') await write(io.stderr, `${inspect(thrown, { depth: 5 })}\n`);
  return WRONG_USE.has(error.code) ? EXIT.wrongUse : EXIT.failed;
}

/** `error CODE: message`, then what to do about it. */
export function errorText(error: CodedError, columns: number): string {
  const candidates = candidatesOf(error).map(({ url, title }) => `    ${printable(url)}  ${printable(title)}`);
  // The message names the candidates as well, in one long line.
  const message = candidates.length === 0 ? error.message : error.message.replace(/: .*$/s, ':');
  const lines = [wrap(`error ${error.code}: ${printable(message)}`, columns - 2, '  '), ...candidates];
  if (error.advice !== '') lines.push(`  ${wrap(printable(error.advice), columns - 2, '  ')}`);
  return `${lines.join('\n')}\n`;
}

function machineShape(error: CodedError): Record<string, unknown> {
  const candidates = candidatesOf(error);
  return candidates.length === 0 ? { ...error.toJSON() } : { ...error.toJSON(), candidates };
}

/** DISCOVER_MANY carries the feeds that a page names. */
function candidatesOf(error: CodedError): { url: string; title: string }[] {
  const { candidates } = error as { candidates?: unknown };
  return Array.isArray(candidates) ? candidates : [];
}

function toCoded(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return cliError('INTERNAL', message === '' ? 'unknown failure' : message, { cause: thrown });
}
