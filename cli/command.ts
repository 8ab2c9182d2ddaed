/** The frame that every command shares: settings as flags, `--json`, `--help` with an example, exit codes. */
import { type Command, Option } from 'commander';
import type { ExitCode } from './exit.ts';
import type { Io } from './io.ts';
import { reportError } from './report-error.ts';
import { flagOf, SETTINGS, type SettingName, type Settings, shownDefault } from './setting-table.ts';
import { type ResolvedSettings, requireSettings, resolveSettings } from './settings.ts';

export interface CommandSpec {
  /** With its arguments, in commander's way: `show <feed>`. */
  readonly usage: string;
  readonly about: string;
  /** Whole command lines, one a line, each with what it does behind a `#`. */
  readonly examples: readonly string[];
  /** Settings that may be given as flags. All settings come from variables and the config file anyway. */
  readonly settings: readonly SettingName[];
  /** Arguments and flags of its own: what each means. */
  readonly args?: Readonly<Record<string, string>>;
  readonly options?: readonly (readonly [flags: string, about: string])[];
  /** What `--json` prints, for help. */
  readonly json: string;
  run(invocation: Invocation): Promise<ExitCode>;
}

/** One call of a command. */
export interface Invocation {
  readonly io: Io;
  readonly json: boolean;
  readonly args: readonly string[];
  /** Flags of the command's own, by their camel-case names. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly resolved: ResolvedSettings;
  /** Throws SETTING_INVALID and the like. */
  settings(): Settings;
}

export interface Session {
  readonly io: Io;
  exitCode: ExitCode;
}

const SETTINGS_GROUP = 'Settings (also as FEEDFERRY_... variables and in the config file):';

/** Returns the command, for a group that also does something by itself. */
export function addCommand(parent: Command, spec: CommandSpec, session: Session): Command {
  const command = parent.command(spec.usage).description(spec.about).allowExcessArguments(false);
  for (const argument of command.registeredArguments) argument.description = spec.args?.[argument.name()] ?? '';
  for (const [flags, about] of spec.options ?? []) command.option(flags, about);
  command.option('--json', `for machines: ${spec.json}`);
  addSettings(command, spec.settings);
  command.addHelpText('after', `\nExamples:\n${spec.examples.map((line) => `  ${line}`).join('\n')}\n`);
  command.action(async () => {
    session.exitCode = await runCommand(spec, command, session.io);
  });
  return command;
}

async function runCommand(spec: CommandSpec, command: Command, io: Io): Promise<ExitCode> {
  const options = command.opts();
  const json = options.json === true;
  try {
    const flags = Object.fromEntries(spec.settings.map((name) => [name, options[name]]));
    const resolved = resolveSettings({ flags, env: io.env, cwd: io.cwd, configPath: options.config });
    return await spec.run({
      io,
      json,
      args: command.args,
      options,
      resolved,
      settings: () => requireSettings(resolved),
    });
  } catch (thrown) {
    return reportError(thrown, io, json);
  }
}

function addSettings(command: Command, names: readonly SettingName[]): void {
  if (names.length === 0) return;
  const config = 'settings as JSON (default: feedferry.config.json, where there is one)';
  command.addOption(new Option('--config <PATH>', config).helpGroup(SETTINGS_GROUP));
  for (const name of names) for (const option of optionsOf(name)) command.addOption(option.helpGroup(SETTINGS_GROUP));
}

/** No defaults are given to commander: an absent flag must stay absent, so that variables and the config file count. */
function optionsOf(name: SettingName): Option[] {
  const { kind, about } = SETTINGS[name];
  const flag = flagOf(name);
  const shown = shownDefault(name);
  const text = `${about} (default: ${shown === '' ? 'none' : shown})`;
  if (kind.placeholder !== '') return [new Option(`${flag} <${kind.placeholder}>`, text)];
  return [new Option(flag, text).hideHelp(), new Option(flag.replace('--', '--no-'), `do not ${about}`)];
}
