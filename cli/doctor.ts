import type { Store } from '../store/contract.ts';
import { codeOf } from '../store/errors.ts';
import { openStore } from '../store/open.ts';
import type { CommandSpec, Invocation } from './command.ts';
import {
  type Check,
  checkClock,
  checkCrawlers,
  checkDisk,
  checkPort,
  checkQueue,
  checkRole,
  checkRuntime,
  checkSettings,
  checkStore,
  noStoreYet,
} from './doctor-checks.ts';
import { checkHubs } from './doctor-hubs.ts';
import { EXIT } from './exit.ts';
import { columnsOf, write } from './io.ts';
import { withoutCredentials } from './setting-kinds.ts';
import { flagOf, SETTING_NAMES, showSetting, variableOf } from './setting-table.ts';
import { printable, wrap } from './text.ts';
import { VERSION } from './version.ts';

const SYMBOLS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' };
const NAME_COLUMNS = 10;

interface ShownSetting {
  readonly name: string;
  readonly value: string;
  readonly source: string;
  readonly flag: string;
  readonly variable: string;
}

export const doctorCommand: CommandSpec = {
  usage: 'doctor',
  about: 'check runtime, settings, store, disk, queue, port and clock, and say how to mend what is wrong',
  json: '{ok, version, checks: [{name, status, message, advice}], settings: [{name, value, source, flag, variable}]}',
  settings: SETTING_NAMES,
  examples: ['feedferry doctor', 'feedferry doctor --json | jq \'.checks[] | select(.status != "ok")\''],
  async run(invocation) {
    const { io, json } = invocation;
    const checks = await allChecks(invocation);
    const settings = shownSettings(invocation);
    const failed = checks.some(({ status }) => status === 'fail');
    const text = json
      ? `${JSON.stringify({ ok: !failed, version: VERSION, checks, settings })}\n`
      : doctorText(checks, settings, columnsOf(io.stdout));
    await write(io.stdout, text);
    return failed ? EXIT.differences : EXIT.done;
  },
};

async function allChecks({ io, resolved }: Invocation): Promise<Check[]> {
  const { settings } = resolved;
  const checks = [checkRuntime(process.versions.node), ...checkSettings(resolved)];
  const found = await openWithoutMaking(settings.store);
  const store = found !== null && !('error' in found) ? found : null;
  try {
    const url = withoutCredentials(settings.store);
    checks.push(found === null ? noStoreYet(url) : await checkStore(found, url));
    if (store !== null) checks.push(...(await checkRole(store)), ...(await checkCrawlers(store)));
    checks.push(...(await checkHubs(settings, store)));
    if (settings.store.startsWith('sqlite:')) checks.push(await checkDisk(settings.store.slice('sqlite:'.length)));
    checks.push(await checkQueue(settings.queue), await checkPort(settings.listen), await checkClock(io.clock, store));
  } finally {
    await store?.close().catch(() => {});
  }
  return checks;
}

function shownSettings({ resolved }: Invocation): ShownSetting[] {
  return SETTING_NAMES.map((name) => ({
    name,
    value: showSetting(name, resolved.settings[name]),
    source: resolved.sources[name],
    flag: flagOf(name),
    variable: variableOf(name),
  }));
}

function doctorText(checks: readonly Check[], settings: readonly ShownSetting[], columns: number): string {
  const indent = ' '.repeat(NAME_COLUMNS + 8);
  const room = columns - indent.length;
  const lines = checks.flatMap(({ name, status, message, advice }) => [
    `  ${SYMBOLS[status]}  ${name.padEnd(NAME_COLUMNS)}${wrap(printable(message), room, indent)}`,
    ...(advice === '' || status === 'ok' ? [] : [`${indent}-> ${wrap(printable(advice), room - 3, `${indent}   `)}`]),
  ]);
  const wide = Math.max(...settings.map(({ name }) => name.length));
  const rows = settings.map(({ name, value, source }) => {
    const text = `  ${name.padEnd(wide)}  ${value === '' ? '-' : value}`;
    const origin = `<- ${source}`;
    if (source === 'default') return text;
    return text.length + 2 + origin.length <= columns
      ? `${text}  ${origin}`
      : `${text}\n${' '.repeat(wide + 4)}${origin}`;
  });
  return `Feedferry ${VERSION}\n\n${lines.join('\n')}\n\nSettings (<- where it differs from the default, and why)\n${rows.join('\n')}\n`;
}

/** Null: there is no store yet. */
async function openWithoutMaking(url: string): Promise<Store | { error: unknown } | null> {
  try {
    return await openStore(url, { mustExist: true, upgrade: false });
  } catch (error) {
    return codeOf(error) === 'STORE_MISSING' ? null : { error };
  }
}
