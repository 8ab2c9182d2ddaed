/** `npm run bench -- NAME [args]` runs `bench/NAME.ts`; without a name it lists them. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = import.meta.dirname;
const SELF = 'run.ts';

const [name, ...args] = process.argv.slice(2);
const benches = listBenches();
if (name === undefined || name === '--help') {
  console.log(listText());
} else if (!benches.some((bench) => bench.name === name)) {
  console.error(`There is no bench called ${name}.\n\n${listText()}`);
  process.exitCode = 2;
} else if (args.includes('--help')) {
  console.log(
    firstComment(join(FOLDER, `${name}.ts`))
      .replaceAll(/^\s*\* ?/gm, '')
      .trim(),
  );
} else {
  const child = spawn(process.execPath, [join(FOLDER, `${name}.ts`), ...args], { stdio: 'inherit' });
  // Ctrl-C reaches both; the bench decides how to end, and this process waits for it.
  process.on('SIGINT', () => {});
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 1;
  });
}

function listBenches(): { name: string; about: string }[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.ts') && file !== SELF)
    .map((file) => ({ name: file.slice(0, -'.ts'.length), about: firstWords(join(FOLDER, file)) }));
}

/** The first sentence of the file's first comment. */
function firstWords(path: string): string {
  const text = firstComment(path)
    .replaceAll(/\s*\n\s*\*\s?/g, ' ')
    .trim();
  return /^.*?[.:](?=\s|$)/.exec(text)?.[0].replace(/:$/, '.') ?? text;
}

function firstComment(path: string): string {
  return /\/\*\*(.*?)\*\//s.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
}

function listText(): string {
  const width = Math.max(...benches.map((bench) => bench.name.length));
  const lines = benches.map((bench) => `  ${bench.name.padEnd(width)}  ${bench.about}`);
  return `npm run bench -- NAME [args]: measures, prints JSON.\n\n${lines.join('\n')}\n\nEach takes --help.`;
}
