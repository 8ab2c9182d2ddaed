import ipaddr from 'ipaddr.js';
import { isUserAgent, USER_AGENT_LENGTH_MAX, USER_AGENT_PLACEHOLDERS } from '../crawler/user-agent.ts';
import { DEFAULT_STORE_URL } from '../store/open.ts';

/** How the values of a setting are read, checked and shown. Pure. */
export interface Kind<T> {
  /** What is allowed, to follow "It must be". */
  readonly allowed: string;
  /** For help: `URL`, `MS`. Empty: a switch without a value. */
  readonly placeholder: string;
  /** From a flag or variable (always text) or from JSON. Undefined: not allowed. */
  read(raw: unknown): T | undefined;
  /** As the user would write it. */
  show(value: T): string;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Largest first: a value is shown in the first unit that divides it. */
type Units = readonly (readonly [name: string, factor: number])[];

const DURATION_UNITS: Units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];
const SIZE_UNITS: Units = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['GB', 1e9],
  ['MB', 1e6],
  ['KiB', 1024],
  ['kB', 1000],
  ['B', 1],
];

/** Milliseconds. A bare number means milliseconds. */
export function duration(min: number, max: number): Kind<number> {
  return {
    allowed: `a time from ${showUnits(min, DURATION_UNITS)} to ${showUnits(max, DURATION_UNITS)}, such as 500ms, 30s, 15m, 6h or 1d`,
    placeholder: 'TIME',
    read: (raw) => within(min, max, readUnits(raw, DURATION_UNITS)),
    show: (ms) => showUnits(ms, DURATION_UNITS),
  };
}

/** Bytes. A bare number means bytes. */
export function size(min: number, max: number): Kind<number> {
  return {
    allowed: `a size from ${showUnits(min, SIZE_UNITS)} to ${showUnits(max, SIZE_UNITS)}, such as 500kB, 10MB or 4MiB`,
    placeholder: 'SIZE',
    read: (raw) => within(min, max, readUnits(raw, SIZE_UNITS)),
    show: (bytes) => showUnits(bytes, SIZE_UNITS),
  };
}

export function integer(min: number, max: number): Kind<number> {
  return {
    allowed: `a whole number from ${min} to ${max}`,
    placeholder: 'N',
    read: (raw) => within(min, max, readUnits(raw, [])),
    show: String,
  };
}

export function choice<const T extends string>(values: readonly T[]): Kind<T> {
  return {
    allowed: `one of ${values.join(', ')}`,
    placeholder: 'WORD',
    read: (raw) => values.find((value) => value === raw),
    show: String,
  };
}

export const onOff: Kind<boolean> = {
  allowed: 'on or off',
  placeholder: '',
  read(raw) {
    if (typeof raw === 'boolean') return raw;
    if (raw === 'on' || raw === 'true' || raw === '1') return true;
    if (raw === 'off' || raw === 'false' || raw === '0') return false;
    return undefined;
  },
  show: (value) => (value ? 'on' : 'off'),
};

export const storeUrl: Kind<string> = {
  allowed: `sqlite:PATH or mongodb://HOST[:PORT]/DATABASE, such as ${DEFAULT_STORE_URL}`,
  placeholder: 'URL',
  read: (raw) => (typeof raw === 'string' && /^(sqlite:.|mongodb(\+srv)?:\/\/.)/.test(raw) ? raw : undefined),
  show: withoutCredentials,
};

export const storeUrls: Kind<readonly string[]> = {
  ...list('store URLs separated by commas, such as sqlite:/replica/feedferry.db', 'URLS', (item) =>
    storeUrl.read(item),
  ),
  show: (value) => value.map(withoutCredentials).join(','),
};

export const queueUrl: Kind<string> = {
  allowed: 'local: (the queue of this process) or redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER] (rediss: with TLS)',
  placeholder: 'URL',
  read(raw) {
    if (raw === 'local:' || raw === 'local') return 'local:';
    return typeof raw === 'string' && isRedisUrl(raw) ? raw : undefined;
  },
  show: withoutCredentials,
};

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, search, hash } = new URL(text);
  const isPlain = /^(\/\d{0,4})?$/.test(pathname) && search === '' && hash === '';
  return /^rediss?:$/.test(protocol) && hostname !== '' && isPlain;
}

export const listenAddress: Kind<ListenAddress> = {
  allowed: 'HOST:PORT or PORT, such as 127.0.0.1:8080, [::1]:8080 or 8080 (port 0: any free one)',
  placeholder: 'ADDRESS',
  read(raw) {
    const match = /^(?:(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]*)):)?(\d{1,5})$/i.exec(textOf(raw));
    const port = within(0, 65_535, Number(match?.[3] ?? Number.NaN));
    if (match === null || port === undefined) return undefined;
    return { host: match[1] ?? (match[2] || '127.0.0.1'), port };
  },
  show: ({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`,
};

/** What an HTTP header can carry and a log line can show. */
export const userAgent: Kind<string> = {
  allowed:
    `printable ASCII text of 1 to ${USER_AGENT_LENGTH_MAX} characters, such as "Example/1.0 (+https://example.org/)"; ` +
    `in braces only ${USER_AGENT_PLACEHOLDERS.map((name) => `{${name}}`).join(', ')}`,
  placeholder: 'TEXT',
  read: (raw) => (typeof raw === 'string' && isUserAgent(raw) ? raw : undefined),
  show: String,
};

/** Empty: none. */
export const siteUrl: Kind<string> = {
  allowed: 'an http(s) URL of at most 200 characters, without a login and parentheses, or none',
  placeholder: 'URL',
  read(raw) {
    const text = textOf(raw);
    if (text === 'none') return '';
    if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
    const { href, username, password } = new URL(text);
    return username === '' && password === '' && /^[^()\s]{1,200}$/.test(href) ? href : undefined;
  },
  show: (url) => url || 'none',
};

/** Without a slash at its end. Empty: none. A hub elsewhere can call back at no address of this machine alone. */
export const publicUrl: Kind<string> = {
  allowed: 'an http(s) URL of at most 200 characters, without a login, a query and a fragment, or none',
  placeholder: 'URL',
  read(raw) {
    const text = textOf(raw);
    if (text === 'none') return '';
    if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
    const { origin, pathname, username, password, search, hash } = new URL(text);
    const isPlain = username === '' && password === '' && search === '' && hash === '';
    const url = origin + pathname.replace(/\/+$/, '');
    return isPlain && /^[\x21-\x7e]{1,200}$/.test(url) ? url : undefined;
  },
  show: (url) => url || 'none',
};

export const hostNames: Kind<readonly string[]> = list(
  'host names separated by commas, such as reader.example.org,192.168.1.20',
  'NAMES',
  (item) => (/^(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$/i.test(item) ? item.toLowerCase() : undefined),
);

export const networks: Kind<readonly string[]> = list(
  'networks separated by commas, such as 127.0.0.0/8,192.168.0.0/16,fd00::/8',
  'CIDRS',
  (item) => {
    const cidr = item.includes('/') ? item : `${item}/${item.includes(':') ? 128 : 32}`;
    return ipaddr.isValidCIDR(cidr) ? cidr : undefined;
  },
);

function list(
  allowed: string,
  placeholder: string,
  readItem: (item: string) => string | undefined,
): Kind<readonly string[]> {
  return {
    allowed,
    placeholder,
    read(raw) {
      const parts = Array.isArray(raw)
        ? raw.map(textOf)
        : textOf(raw)
            .split(',')
            .filter((part) => part.trim() !== '');
      const items = parts.map((part) => readItem(part.trim())).filter((item) => item !== undefined);
      return items.length === parts.length ? items : undefined;
    },
    show: (value) => value.join(','),
  };
}

/** Text that no kind allows stands for what is neither text nor number. */
function textOf(raw: unknown): string {
  return typeof raw === 'string' ? raw.trim() : typeof raw === 'number' ? String(raw) : '\0';
}

function readUnits(raw: unknown, units: Units): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(textOf(raw));
  if (match === null) return undefined;
  const written = (match[2] ?? '').toLowerCase();
  const factor = written === '' ? 1 : units.find(([name]) => name.toLowerCase() === written)?.[1];
  const value = Number(match[1]) * (factor ?? Number.NaN);
  return Number.isInteger(value) ? value : undefined;
}

function within(min: number, max: number, value: number | undefined): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

function showUnits(value: number, units: Units): string {
  const unit = units.find(([, factor]) => value !== 0 && value % factor === 0);
  return unit === undefined ? String(value) : `${value / unit[1]}${unit[0]}`;
}

/** A store URL as it may be shown: passwords belong in no terminal and no log. */
export function withoutCredentials(url: string): string {
  return url.replace(/^([a-z0-9+]+:\/\/)[^/?#]*@/i, '$1***@');
}
