/** The flags that say where documents go and how: shared by `replicate` and `replicate add`. */
import { type DestinationConfig, defaultConfig, nameOf } from '../replicator/configuration.ts';
import { DEFAULT_POLICIES, type Policies, type Policy } from '../replicator/policy.ts';
import type { Limits } from '../replicator/status.ts';
import { DATABASE_NAMES, type DatabaseName } from '../store/documents.ts';
import { cliError } from './errors.ts';
import { integer, size, storeUrl } from './setting-kinds.ts';
import { printable } from './text.ts';

const RECEIVER = /^https?:\/\/./;
const DESTINATION_ALLOWED = 'sqlite:PATH, mongodb://HOST[:PORT]/DATABASE, or https://... of `feedferry receive`';

const GIB = 1024 ** 3;

const KINDS = {
  docsPerSecondMax: integer(1, 1_000_000),
  bytesPerSecondMax: size(1024, 10 * GIB),
  batchDocs: integer(1, 1000),
  concurrency: integer(1, 64),
};

const POLICIES: readonly Policy[] = ['keep', 'newest', 'merge'];

export const LIMIT_FLAGS: readonly (readonly [string, string])[] = [
  ['--docs-per-second <N>', 'send no more documents a second than this (0: no limit)'],
  ['--bytes-per-second <SIZE>', 'send no more of them than this a second, such as 2MB (0: no limit)'],
  ['--batch <N>', 'documents of one batch'],
  ['--concurrency <N>', 'batches under way at a time'],
];

export const DESTINATION_FLAGS: readonly (readonly [string, string])[] = [
  ['--databases <NAMES>', `only these, with commas between: ${DATABASE_NAMES.join(',')} (default: all)`],
  ['--two-way', 'the destination writes too: conflicts are kept, merged or dropped as --policy says'],
  ['--policy <RULES>', 'two-way: DATABASE=keep|newest|merge, with commas between'],
  ['--adopt', 'take a destination that holds documents already for a copy of this store'],
  ['--token-file <FILE>', 'for https://: the token of the receiver'],
  ['--ca <FILE>', 'for https://: trust this certificate authority (PEM), too'],
  ['--name <NAME>', 'what the destination is called (default: made from its URL)'],
  ...LIMIT_FLAGS,
];

type Options = Readonly<Record<string, unknown>>;

/** Throws USAGE_INVALID and DESTINATION_NAME_INVALID. */
export function destinationFrom(to: string, options: Options): DestinationConfig {
  if (storeUrl.read(to) === undefined && !RECEIVER.test(to)) {
    const message = `--to is "${printable(storeUrl.show(to))}". It must be ${DESTINATION_ALLOWED}.`;
    throw cliError('USAGE_INVALID', message, { input: storeUrl.show(to) });
  }
  const base = defaultConfig(textOf(options.name) ?? nameOf(to), to);
  const isTwoWay = options.twoWay === true;
  const policy = textOf(options.policy);
  if (policy !== undefined && !isTwoWay) throw cliError('USAGE_INVALID', '--policy goes with --two-way only');
  return {
    ...base,
    databases: databasesFrom(textOf(options.databases)),
    direction: isTwoWay ? 'two-way' : 'one-way',
    policies: policiesFrom(policy),
    adopt: options.adopt === true,
    tokenFile: textOf(options.tokenFile) ?? null,
    caFile: textOf(options.ca) ?? null,
    limits: limitsFrom(options),
  };
}

/** Only what was given. 0 takes a rate limit away. Throws USAGE_INVALID. */
export function limitsFrom(options: Options): Partial<Limits> {
  return {
    ...limit('docsPerSecondMax', '--docs-per-second', options.docsPerSecond),
    ...limit('bytesPerSecondMax', '--bytes-per-second', options.bytesPerSecond),
    ...limit('batchDocs', '--batch', options.batch),
    ...limit('concurrency', '--concurrency', options.concurrency),
  };
}

function limit(name: keyof typeof KINDS, flag: string, raw: unknown): Partial<Limits> {
  if (raw === undefined) return {};
  const isRate = name === 'docsPerSecondMax' || name === 'bytesPerSecondMax';
  if (isRate && raw === '0') return { [name]: null };
  const value = KINDS[name].read(raw);
  if (value !== undefined) return { [name]: value };
  throw cliError('USAGE_INVALID', `${flag} is "${raw}". It must be ${KINDS[name].allowed}${isRate ? ', or 0' : ''}.`, {
    input: String(raw),
  });
}

/** Throws USAGE_INVALID. */
export function databasesFrom(names: string | undefined): DatabaseName[] {
  if (names === undefined) return [...DATABASE_NAMES];
  const known: readonly string[] = DATABASE_NAMES;
  const wanted = [...new Set(names.split(',').map((name) => name.trim()))].filter((name) => name !== '');
  const unknown = wanted.find((name) => !known.includes(name));
  if (wanted.length > 0 && unknown === undefined) return wanted as DatabaseName[];
  throw cliError('USAGE_INVALID', `There is no database "${unknown ?? names}"; there are ${known.join(', ')}.`, {
    input: unknown ?? names,
  });
}

function policiesFrom(rules: string | undefined): Policies {
  const policies: Record<DatabaseName, Policy> = { ...DEFAULT_POLICIES };
  for (const rule of rules?.split(',') ?? []) {
    const [name = '', word = ''] = rule.split('=').map((part) => part.trim());
    const [database] = databasesFrom(name);
    const policy = POLICIES.find((one) => one === word);
    if (database === undefined || policy === undefined) {
      throw cliError('USAGE_INVALID', `"${rule}" is no rule; it must be DATABASE=${POLICIES.join('|')}.`, {
        input: rule,
      });
    }
    policies[database] = policy;
  }
  return policies;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
