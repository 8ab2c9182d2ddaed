import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import t from 'tap';
import { adviceOf, CODE_GROUPS } from '../../cli/error-catalogue.ts';
import { errorsPage } from '../../cli/errors-page.ts';
import { EXIT } from '../../cli/exit.ts';
import { buildProgram } from '../../cli/program.ts';
import { flagOf, SETTING_NAMES, SETTINGS, shownDefault, variableOf } from '../../cli/setting-table.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A command, or what a group holds, with the group itself where it has flags of its own. */
function commandsOf(command: Command): Command[] {
  if (command.commands.length === 0) return [command];
  return command.options.length > 0 ? [command, ...command.commands] : [...command.commands];
}

function page(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

t.test('docs/errors.md is what the code says; `npm run docs:errors` writes it anew', async (t) => {
  t.equal(page('docs/errors.md'), errorsPage());
});

t.test('every code of every errors.ts is in the catalogue, with advice', async (t) => {
  const known = new Set(CODE_GROUPS.flatMap(({ advice }) => Object.keys(advice)));
  const files = globSync('{cli,crawler,replicator,migrate,site,store}/**/errors.ts', { cwd: ROOT });
  t.ok(files.length >= 5, `${files.length} files`);
  for (const file of files) {
    const lists = Object.entries(await import(join(ROOT, file))).filter(([name]) =>
      /^[A-Z]+_(ERRORS|WARNINGS)$/.test(name),
    );
    t.ok(lists.length > 0, `${file} lists its codes`);
    for (const code of lists.flatMap(([, list]) => Object.keys(list as object))) {
      t.ok(known.has(code), `${code} of ${file}`);
      t.match(adviceOf(code), /\S.*[.?!0-9/]$/, `${code} says what to do`);
    }
  }
});

t.test('no code is listed twice', async (t) => {
  const codes = CODE_GROUPS.flatMap(({ advice }) => Object.keys(advice));
  t.strictSame(
    codes.filter((code, i) => codes.indexOf(code) !== i),
    [],
  );
});

t.test('docs/settings.md has a row for every setting, with its flag, variable and default', async (t) => {
  const rows = page('docs/settings.md').split('\n');
  for (const name of SETTING_NAMES) {
    const row = rows.find((line) => line.startsWith(`| \`${name}\` |`)) ?? '';
    t.ok(row.includes(`\`${flagOf(name)}`) || row.includes(`\`--no-${name}`), `${name}: ${flagOf(name)}`);
    t.ok(row.includes(`\`${variableOf(name)}\``), `${name}: ${variableOf(name)}`);
    const shown = name === 'userAgent' ? 'Feedferry/VERSION' : shownDefault(name);
    t.ok(row.includes(shown === '' ? '| none |' : `\`${shown}\``), `${name}: the default ${shown}`);
    t.ok(SETTINGS[name].about !== '', name);
  }
});

t.test('docs/cli.md has a section for every command, with every flag of its own', async (t) => {
  const text = page('docs/cli.md');
  const program = buildProgram({ io: {} as never, exitCode: EXIT.done });
  const settingFlags = new Set(SETTING_NAMES.flatMap((name) => [flagOf(name), flagOf(name).replace('--', '--no-')]));
  for (const command of program.commands.flatMap(commandsOf)) {
    const name = command.parent === program ? command.name() : `${command.parent?.name()} ${command.name()}`;
    const [, section = ''] = text.split(new RegExp(`^## ${name}\\b.*$`, 'm'));
    t.not(section, '', `a section "${name}"`);
    const own = command.options.map(({ long }) => long ?? '').filter((flag) => !settingFlags.has(flag));
    for (const flag of own.filter((one) => !['--json', '--config'].includes(one))) {
      t.ok(section.split(/^## /m)[0]?.includes(flag), `${name} ${flag}`);
    }
  }
});

t.test('docs/README.md lists every page', async (t) => {
  const index = page('docs/README.md');
  const pages = globSync('*.md', { cwd: join(ROOT, 'docs') }).filter((name) => name !== 'README.md');
  t.strictSame(
    pages.filter((name) => !index.includes(`](${name})`)),
    [],
  );
});

t.test('links in README.md and docs/ lead somewhere', async (t) => {
  for (const file of ['README.md', ...globSync('docs/*.md', { cwd: ROOT })]) {
    for (const [, target = ''] of page(file).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      t.ok(existsSync(join(ROOT, dirname(file), target)), `${file} -> ${target}`);
    }
  }
});
