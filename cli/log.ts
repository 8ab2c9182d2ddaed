import { type Logger, pino } from 'pino';
import type { Output } from './io.ts';
import type { Settings } from './setting-table.ts';
import { printable } from './text.ts';

/** Fields that every line of pino has, and that a person needs not see. */
const PLAIN_FIELDS: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'err', 'reqId', 'v']);

const LEVELS: Record<number, string> = { 10: 'trace', 20: 'debug', 30: '', 40: 'warning', 50: 'error', 60: 'fatal' };

/** On a terminal a person reads one plain line; everywhere else a program reads one JSON object a line. */
export function openLog(output: Output, level: Settings['logLevel'], json: boolean): Logger {
  const forMachines = json || output.isTTY !== true;
  return pino(
    {
      ...{ level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
      hooks: {
        // The web framework announces its address with an empty message where it is told to keep quiet.
        logMethod(args, method) {
          if (args[0] !== '') method.apply(this, args);
        },
      },
    },
    { write: (line: string) => void output.write(forMachines ? line : humanLine(line)) },
  );
}

/** `10:23:45 warning: message (key=value)`, in local time. */
export function humanLine(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const time = new Date(String(entry.time)).toTimeString().slice(0, 8);
  const level = LEVELS[Number(entry.level)] ?? '';
  const fields = Object.entries(entry)
    .filter(([key, value]) => !PLAIN_FIELDS.has(key) && value !== null && value !== '')
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  const message = [String(entry.msg ?? ''), errorOf(entry.err), fields.length === 0 ? '' : `(${fields.join(' ')})`];
  return `${time} ${level === '' ? '' : `${level}: `}${printable(message.filter((part) => part !== '').join(' '))}\n`;
}

/** Coded errors say all in their message; stacks stay in the JSON lines. */
function errorOf(err: unknown): string {
  if (err === null || typeof err !== 'object') return '';
  const { code, message } = err as { code?: unknown; message?: unknown };
  return `${code === undefined ? '' : `${String(code)}: `}${String(message ?? '')}`;
}
