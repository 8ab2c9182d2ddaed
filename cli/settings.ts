/**
 * Where settings come from: flags, then FEEDFERRY_* variables, then the config file, then the defaults. Read and
 * validated once, when a command starts; each value knows its source.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hasPlaceholder } from '../crawler/user-agent.ts';
import { CodedError } from '../store/errors.ts';
import { cliError } from './errors.ts';
import { nearest } from './nearest.ts';
import {
  flagOf,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  type Settings,
  showSetting,
  variableOf,
} from './setting-table.ts';

export const CONFIG_FILE = 'feedferry.config.json';

/** Longest config file, in bytes. */
const CONFIG_BYTES_MAX = 1024 * 1024;

/** Variables that are no settings, yet ours. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['FEEDFERRY_CONFIG', 'FEEDFERRY_DEBUG']);

export interface SettingSources {
  /** By setting name: what the user gave as flags. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Of `--config`. */
  readonly configPath?: string | undefined;
}

export interface ResolvedSettings {
  readonly settings: Settings;
  /** `flag --store`, `variable FEEDFERRY_STORE`, `config file PATH`, `default`. */
  readonly sources: Readonly<Record<SettingName, string>>;
  /** All that is wrong; the settings concerned have their defaults. */
  readonly problems: readonly CodedError[];
  /** What is probably not meant so, as sentences. */
  readonly warnings: readonly string[];
  /** Null: there is none. */
  readonly configPath: string | null;
}

/** Never throws: what is wrong is in `problems`. */
export function resolveSettings(from: SettingSources): ResolvedSettings {
  const problems: CodedError[] = [];
  const config = loadConfig(from, problems);
  const values: Record<string, unknown> = {};
  const sources: Record<string, string> = {};
  for (const name of SETTING_NAMES) {
    const given = firstGiven(name, from, config);
    const read = given && SETTINGS[name].kind.read(given.raw);
    if (given !== undefined && read === undefined) problems.push(invalid(name, given));
    values[name] = read ?? SETTINGS[name].default;
    sources[name] = read === undefined ? 'default' : (given?.source ?? 'default');
  }
  const settings = values as unknown as Settings;
  return {
    settings,
    sources: sources as Record<SettingName, string>,
    problems: [...problems, ...contradictions(settings)],
    warnings: unknownVariables(from.env),
    configPath: config.path,
  };
}

/** The settings, or the first thing that is wrong with them. */
export function requireSettings(resolved: ResolvedSettings): Settings {
  const [first, ...others] = resolved.problems;
  if (first === undefined) return resolved.settings;
  if (others.length === 0) throw first;
  throw new CodedError(first.code, first.message, {
    input: first.input,
    advice: `${first.advice} ${others.length} more ${others.length === 1 ? 'is' : 'are'} wrong.`,
  });
}

interface Given {
  readonly raw: unknown;
  readonly source: string;
}

interface Config {
  readonly path: string | null;
  readonly values: Readonly<Record<string, unknown>>;
}

function firstGiven(name: SettingName, from: SettingSources, config: Config): Given | undefined {
  const flag = from.flags[name];
  if (flag !== undefined) return { raw: flag, source: `flag ${flagOf(name)}` };
  const variable = from.env[variableOf(name)];
  // An empty variable is what container files pass for one that is not set.
  if (variable !== undefined && variable.trim() !== '')
    return { raw: variable, source: `variable ${variableOf(name)}` };
  if (Object.hasOwn(config.values, name)) return { raw: config.values[name], source: `config file ${config.path}` };
  return undefined;
}

function loadConfig(from: SettingSources, problems: CodedError[]): Config {
  const named = from.configPath ?? (from.env.FEEDFERRY_CONFIG || undefined);
  const path = named === undefined ? join(from.cwd, CONFIG_FILE) : resolve(from.cwd, named);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    if (named === undefined && missing) return { path: null, values: {} };
    const message = `Cannot read the config file ${path}: ${missing ? 'there is no such file' : (cause as Error).message}`;
    problems.push(cliError('CONFIG_UNREADABLE', message, { input: path, cause }));
    return { path, values: {} };
  }
  const values = parseConfig(path, text, problems);
  problems.push(...unknownKeys(path, values));
  return { path, values };
}

function parseConfig(path: string, text: string, problems: CodedError[]): Record<string, unknown> {
  try {
    if (text.length > CONFIG_BYTES_MAX) throw new Error('it is too large');
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return { ...value };
    throw new Error('it is not a JSON object');
  } catch (cause) {
    const message = `Cannot use the config file ${path}: ${(cause as Error).message}`;
    problems.push(cliError('CONFIG_INVALID', message, { input: path, cause }));
    return {};
  }
}

function unknownKeys(path: string, values: Readonly<Record<string, unknown>>): CodedError[] {
  const known: readonly string[] = SETTING_NAMES;
  const unknown = Object.keys(values).filter((key) => !known.includes(key));
  return unknown.map((key) => {
    const meant = nearest(key, known);
    const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
    return cliError('SETTING_UNKNOWN', `The config file ${path} has an unknown key "${key}"${hint}`, { input: key });
  });
}

function invalid(name: SettingName, { raw, source }: Given): CodedError {
  const { kind } = SETTINGS[name];
  const value = typeof raw === 'string' ? raw : JSON.stringify(raw);
  // A mistyped URL may hold a password.
  const mayHoldOne =
    name === 'store' || name === 'queue' || name === 'readFrom' || name === 'siteUrl' || name === 'publicUrl';
  const shown = mayHoldOne ? value.replace(/[^/@\s]*@/g, '***@').replace(/(password=)[^&\s]*/gi, '$1***') : value;
  return cliError('SETTING_INVALID', `${source} is "${shown}". It must be ${kind.allowed}.`, { input: shown });
}

function contradictions(settings: Settings): CodedError[] {
  const pairs: [SettingName, SettingName][] = [
    ['minInterval', 'maxInterval'],
    ['bodyMax', 'decodedMax'],
  ];
  const wrong = pairs
    .filter(([small, large]) => settings[small] > settings[large])
    .map(([small, large]) => {
      const [low, high] = [showSetting(small, settings[small]), showSetting(large, settings[large])];
      return cliError('SETTING_INVALID', `${small} is ${low}, but ${large} is ${high}. ${small} must not be larger.`, {
        input: low,
      });
    });
  return hasPlaceholder(settings.userAgent, 'site') && settings.siteUrl === ''
    ? [...wrong, siteMissing(settings)]
    : wrong;
}

function siteMissing({ userAgent }: Settings): CodedError {
  const message = `userAgent is "${userAgent}", but siteUrl, which {site} stands for, is not set`;
  return cliError('SETTING_INVALID', message, { input: userAgent });
}

function unknownVariables(env: SettingSources['env']): string[] {
  const known = SETTING_NAMES.map(variableOf);
  const ours = Object.keys(env).filter((name) => name.startsWith('FEEDFERRY_') && !name.startsWith('FEEDFERRY_TEST_'));
  const unknown = ours.filter((name) => !known.includes(name) && !OTHER_VARIABLES.has(name));
  return unknown.map((name) => {
    const meant = nearest(name, known);
    return `The variable ${name} means nothing to Feedferry${meant === undefined ? '' : `; did you mean ${meant}?`}`;
  });
}
