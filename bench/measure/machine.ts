import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { DatabaseSync } from 'node:sqlite';

/** What figures were measured on; without it they mean nothing. */
export function describeMachine(): Record<string, unknown> {
  const processors = cpus();
  return {
    processor: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    /** Above the number of cores, others were at work too: then only ratios say something. */
    loadAverage: loadavg().map((load) => Math.round(load * 100) / 100),
    at: new Date().toISOString(),
  };
}

const PACKAGES = ['undici', 'fast-xml-parser', 'sanitize-html', 'htmlparser2', 'mongodb'] as const;

export function describeVersions(): Record<string, string> {
  const versions: Record<string, string> = { node: process.version, sqlite: sqliteVersion() };
  versions.feedferry = versionIn('../../package.json');
  for (const name of PACKAGES) versions[name] = versionIn(`../../node_modules/${name}/package.json`);
  return versions;
}

function versionIn(path: string): string {
  const { version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string };
  return version;
}

function sqliteVersion(): string {
  using database = new DatabaseSync(':memory:');
  const row = database.prepare('select sqlite_version() as version').get();
  return String(row?.version);
}
