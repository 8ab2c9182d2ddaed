/** The rules of the house that a machine can hold: who may import whom, what files are called, how long they get. */
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path/posix';
import t from 'tap';

const ROOT = join(import.meta.dirname, '..');
const LINES_MAX = 400;

/** Each floor with those below it that it may use. `test` and `bench` may use all of them. */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  store: [],
  crawler: ['store'],
  replicator: ['store'],
  site: ['store'],
  migrate: ['replicator', 'store'],
  cli: ['site', 'crawler', 'replicator', 'migrate', 'store'],
};

/** The rooms of the replicator: what each may use of the others, besides what they share. */
const REPLICATOR_ROOMS: Readonly<Record<string, readonly string[]>> = {
  sending: ['failover'],
  applying: [],
  remote: ['applying'],
  verify: [],
  failover: ['applying'],
  backup: ['applying', 'verify'],
};

/** Only these may know which engine runs. */
const ENGINES = ['store/sqlite', 'store/mongodb'];
const OUTSIDE = new Set(['test', 'bench']);

/** A parser is a function from bytes to a feed. */
const PURE = 'crawler/parse';
const IO = /^(?:node:)?(?:fs|net|http|https|http2|dns|tls|dgram|child_process|worker_threads|cluster|process|timers)\b/;

/** A name that says nothing makes a home for everything. */
const SAYS_NOTHING = /(?:^|[-_.])(?:utils?|helpers?|common|misc|manager|shared|stuff|tools?)(?:[-_.]|$)/;

interface Source {
  readonly path: string;
  readonly floor: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const sources: Source[] = globSync('{cli,crawler,store,replicator,migrate,site,test,bench}/**/*.ts', { cwd: ROOT })
  .sort()
  .map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    return { path, floor: path.split('/')[0] ?? '', text, imports: importsOf(text) };
  });

/** What import and export statements and `import()` name. */
function importsOf(text: string): string[] {
  const code = text.replaceAll(/^\s*(?:\/\*[\s\S]*?\*\/|\/\/.*$)/gm, '');
  const statements = code.matchAll(/^\s*(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*(['"])([^'"]+)\1/gm);
  const calls = code.matchAll(/\bimport\(\s*(['"])([^'"]+)\1/g);
  return [...statements, ...calls].map((match) => match[2] ?? '');
}

/** The imports that stay in the project, as paths from its root. */
function within(source: Source): string[] {
  return source.imports.filter((name) => name.startsWith('.')).map((name) => join(dirname(source.path), name));
}

function violations(find: (source: Source) => readonly string[]): string[] {
  return sources.flatMap((source) => find(source).map((what) => `${source.path}: ${what}`));
}

t.test('imports are found, however they are written', async (t) => {
  const text = `import a from './a.ts';\nimport {\n  b,\n  type C,\n} from "./b.ts";\nimport './c.ts';
export * from './d.ts';\nexport const x = 'from';\nconst e = await import('./e.ts');\n// import f from './f.ts';
import type { G } from 'tap';\n/** import h from './h.ts' */\n`;
  t.strictSame(importsOf(text), ['./a.ts', './b.ts', './c.ts', './d.ts', 'tap', './e.ts']);
  t.ok(sources.length > 50);
});

t.test('imports run one way, from the roof down', async (t) => {
  const found = violations((source) => {
    const allowed = FLOORS[source.floor];
    if (!allowed) return [];
    return within(source).filter((path) => {
      const floor = path.split('/')[0] ?? '';
      return floor !== source.floor && !allowed.includes(floor);
    });
  });
  t.strictSame(found, []);
});

t.test('the rooms of the replicator use of each other what their READMEs say', async (t) => {
  const roomOf = (path: string) => /^replicator\/(\w+)\//.exec(path)?.[1];
  t.strictSame(
    [...new Set(sources.flatMap(({ path }) => roomOf(path) ?? []))].toSorted(),
    Object.keys(REPLICATOR_ROOMS).toSorted(),
  );
  const found = violations((source) => {
    const own = roomOf(source.path);
    if (own === undefined) return [];
    return within(source).filter((path) => {
      const room = roomOf(path);
      return room !== undefined && room !== own && !REPLICATOR_ROOMS[own]?.includes(room);
    });
  });
  t.strictSame(found, []);
});

t.test('nothing outside the store knows which engine runs, and no engine knows the other', async (t) => {
  const found = violations((source) => {
    const own = ENGINES.find((engine) => source.path.startsWith(`${engine}/`));
    if (OUTSIDE.has(source.floor) || source.path === 'store/open.ts') return [];
    return within(source).filter((path) => ENGINES.some((engine) => engine !== own && path.startsWith(`${engine}/`)));
  });
  t.strictSame(found, []);
});

t.test('parsing is pure: no disk, no network, no process', async (t) => {
  const found = violations((source) =>
    source.path.startsWith(`${PURE}/`) ? source.imports.filter((name) => IO.test(name) || name === 'undici') : [],
  );
  t.strictSame(found, []);
});

t.test('what runs imports only packages that it brings along', async (t) => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const found = violations((source) => {
    const declared = OUTSIDE.has(source.floor)
      ? { ...manifest.dependencies, ...manifest.devDependencies }
      : manifest.dependencies;
    return source.imports
      .filter((name) => !name.startsWith('.') && !isBuiltin(name))
      .filter((name) => !(packageOf(name) in declared));
  });
  t.strictSame(found, []);
});

function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

t.test('every file and folder has a name that says what is in it', async (t) => {
  const found = violations(({ path }) => path.split('/').filter((part) => SAYS_NOTHING.test(part)));
  t.strictSame(found, []);
});

t.test(`no file has more than ${LINES_MAX} lines`, async (t) => {
  const found = violations(({ text }) => {
    const lines = text.split('\n').length - 1;
    return lines > LINES_MAX ? [`${lines} lines`] : [];
  });
  t.strictSame(found, []);
});
