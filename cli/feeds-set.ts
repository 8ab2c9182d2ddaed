import type { OverrideChanges } from '../crawler/overrides.ts';
import { editDocuments } from '../site/edit.ts';
import type { CommandSpec, Invocation } from './command.ts';
import { cliError } from './errors.ts';
import { EXIT } from './exit.ts';
import { nameOf, viewFeeds } from './feed-view.ts';
import { readInput } from './files.ts';
import { findFeed } from './find-feed.ts';
import { write } from './io.ts';
import { openedStore } from './opened-store.ts';
import { overridesText } from './overrides-text.ts';
import { duration } from './setting-kinds.ts';
import { printable } from './text.ts';

const SECRET_FILE_BYTES_MAX = 64 * 1024;

/** Takes a value away. */
const NONE = 'none';

export const feedsSetCommand: CommandSpec = {
  usage: 'set <feed>',
  about: 'set how one feed is fetched, in place of the settings; `none` takes a value away',
  args: { feed: 'its id, the first letters of the id, or its URL' },
  options: [
    ['--user-agent <TEXT>', 'what the crawler calls itself to this publisher (no placeholders)'],
    ['--login <USER:PASSWORD>', 'basic authentication; @FILE: from the first line of a file'],
    ['--header <LINE...>', '"Name: value", sent with each request; @FILE: a header a line; "Name:" takes it away'],
    ['--proxy <URL>', 'an HTTP proxy to go through; @FILE: from the first line of a file'],
    ['--timeout <TIME>', 'longest time for one fetch with its redirects'],
    ['--clear', 'first take away all that was set'],
  ],
  json: '{id, url, overrides}; overrides is null or as in feeds show',
  settings: ['store'],
  examples: [
    'feedferry feeds set k3v6x2ab --timeout 2m --user-agent "Example/2"',
    'feedferry feeds set k3v6x2ab --login @secret.txt --header "X-Api-Key: 123"',
    'feedferry feeds set k3v6x2ab --clear',
  ],
  async run(invocation) {
    const { io, json, args, options } = invocation;
    const { changedOverrides, shownOverrides } = await import('../crawler/overrides.ts');
    const changes = await changesOf(invocation);
    if (options.clear !== true && Object.keys(changes).length === 0) {
      throw cliError('USAGE_INVALID', 'Nothing to set: give at least one flag');
    }
    await using store = await openedStore(invocation, { mustExist: true });
    const feed = await findFeed(store.feeds, args[0] ?? '');
    await using writer = await store.feeds.openWriter({ owner: 'feeds set', durability: 'sync' });
    await editDocuments(store.feeds, writer, [feed.id], (record) => {
      if (record === null) return null;
      const { overrides: before, ...rest } = record;
      const overrides = changedOverrides(options.clear === true ? undefined : before, changes, record.url);
      return overrides === undefined ? rest : { ...rest, overrides };
    });
    const after = await findFeed(store.feeds, feed.id);
    const [view] = await viewFeeds(store, [after]);
    const shown = shownOverrides(after.content.overrides);
    const name = printable(view === undefined ? after.id : nameOf(view));
    const text = shown === null ? `${name}: nothing is set` : `${name}: ${overridesText(shown)}`;
    await write(io.stdout, `${json ? JSON.stringify({ id: after.id, url: view?.url, overrides: shown }) : text}\n`);
    return EXIT.done;
  },
};

/** Throws USAGE_INVALID, which repeats no secret, FILE_UNREADABLE and FILE_TOO_LARGE. */
async function changesOf(invocation: Invocation): Promise<OverrideChanges> {
  const overrides = await import('../crawler/overrides.ts');
  const { options } = invocation;
  const { OVERRIDE_TIMEOUT_MS_MIN: least, OVERRIDE_TIMEOUT_MS_MAX: most } = overrides;
  const time = duration(least, most);
  const given = async (name: string) => {
    const value = options[name] as string | undefined;
    return value === undefined ? undefined : ((await secretLines(invocation, value))[0] ?? '');
  };
  const one = async <T>(name: string, read: (text: string) => T | undefined, allowed: string) => {
    const value = await given(name);
    if (value === undefined) return {};
    const taken = value === NONE || value === '';
    const found = taken ? null : read(value);
    if (found === undefined) {
      const flag = name === 'userAgent' ? 'user-agent' : name;
      throw cliError('USAGE_INVALID', `The value of --${flag} must be ${allowed}, or none`);
    }
    return { [name === 'timeout' ? 'timeoutMs' : name]: found };
  };
  const lines = await Promise.all(
    ((options.header as string[] | undefined) ?? []).map((l) => secretLines(invocation, l)),
  );
  const headers = lines.flat().map((line) => {
    const header = overrides.readHeader(line);
    if (header !== undefined) return header;
    const name = printable(line.slice(0, Math.max(0, line.indexOf(':'))));
    throw cliError('USAGE_INVALID', `--header must be "Name: value" of a header that is free to set; "${name}" is not`);
  });
  if (headers.length > overrides.HEADERS_MAX) {
    throw cliError('USAGE_INVALID', `At most ${overrides.HEADERS_MAX} headers can be set`);
  }
  return {
    ...(await one('userAgent', overrides.readOverrideUserAgent, 'printable ASCII text without placeholders')),
    ...(await one('login', overrides.readLogin, 'USER:PASSWORD')),
    ...(await one('proxy', overrides.readProxy, 'an http(s) URL without a path')),
    ...(await one('timeout', time.read, time.allowed)),
    ...(headers.length === 0 ? {} : { headers }),
  };
}

/** Of `@FILE` its lines, so that a secret stands in no list of processes. */
async function secretLines({ io }: Invocation, value: string): Promise<string[]> {
  if (!value.startsWith('@')) return [value];
  const bytes = await readInput(value.slice(1), io, SECRET_FILE_BYTES_MAX);
  return new TextDecoder()
    .decode(bytes)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
}
