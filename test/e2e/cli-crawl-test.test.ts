/** `crawl --test` as a process: sources, refusals of stores, exit codes, report files, Ctrl-C. */
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import t from 'tap';
import { openStore } from '../../store/open.ts';
import { put } from '../contract/with-store.ts';
import { type Publisher, publisher } from '../crawler/test-crawl/running.ts';
import { type Cli, cliFor } from './cli-process.ts';

const NAME = 'Feedferry/3.0-rho (+https://example.org)';
const TEST = ['crawl', '--test', '--host-gap', '0', '--user-agent', NAME];
const FROM_STORE = [...TEST, '--feeds-from', 'sqlite:./production.db', '--store', 'sqlite:./test.db'];

function entry(guid: string): { guid: string } {
  return { guid };
}

/** A publisher with some feeds, and a production that has crawled them. */
async function productionFor(t: Test, paths = ['/a', '/b', '/c']): Promise<{ cli: Cli; site: Publisher }> {
  const site = await publisher();
  t.teardown(() => site[Symbol.asyncDispose]());
  for (const path of paths) site.show(path, [entry('1'), entry('2')]);
  const cli = await cliFor(t);
  await writeFile(join(cli.folder, 'f.opml'), opml(site, paths));
  const crawled = await cli.run([
    'crawl',
    '--once',
    '--store',
    'sqlite:./production.db',
    '--feeds',
    'f.opml',
    '--host-gap',
    '0',
  ]);
  t.equal(crawled.code, 0, crawled.stderr);
  site.requests.length = 0;
  return { cli, site };
}

function opml(site: Publisher, paths: readonly string[]): string {
  const outlines = paths.map((path) => `<outline type="rss" text="${path}" xmlUrl="${site.url}${path}"/>`);
  return `<opml version="2.0"><body>${outlines.join('')}</body></opml>`;
}

t.test('from a store: its bytes stay, the report goes to screen and files, exit codes tell the verdict', async (t) => {
  const { cli, site } = await productionFor(t);
  const path = join(cli.folder, 'production.db');
  const before = readFileSync(path);
  const fine = await cli.run([...FROM_STORE, '--report', 'r.json', 'r.html']);
  t.equal(fine.code, 0, fine.stderr);
  t.equal(fine.stderr, '');
  for (const line of [/fetched +3\n/, /fine on both sides +3\n/, /same +6\n/, /\nFINE: 0% /])
    t.match(fine.stdout, line);
  t.ok(readFileSync(path).equals(before), 'production is byte for byte as it was');
  t.equal(site.requests.length, 3);
  t.ok(site.requests.every(({ headers }) => headers['user-agent'] === NAME && headers['if-none-match'] === undefined));
  const report = JSON.parse(readFileSync(join(cli.folder, 'r.json'), 'utf8'));
  t.match(report, { userAgent: NAME, source: { kind: 'store' }, verdict: { outcome: 'fine' }, crawl: { fetched: 3 } });
  t.match(readFileSync(join(cli.folder, 'r.html'), 'utf8'), /<h1>Test crawl<\/h1>/);

  const nothing = await cli.run(FROM_STORE);
  t.equal(nothing.code, 1);
  t.match(nothing.stderr, /TEST_CRAWL_NOTHING_DUE/);

  site.show('/a', { production: [], test: 403 });
  const json = await cli.run([...FROM_STORE, '--force', '--json', '--max-errors', '33', '--max-differences', '100']);
  t.equal(json.code, 3, json.stderr);
  t.match(JSON.parse(json.stdout), {
    verdict: { outcome: 'differing', errorsPercent: 33.33 },
    measured: { conditional: 3 },
  });
});

t.test('from a backup: as of its moment, with its articles, and nothing is left behind', async (t) => {
  const { cli, site } = await productionFor(t);
  t.equal((await cli.run(['backup', '--to', 'p.backup', '--store', 'sqlite:./production.db'])).code, 0);
  const before = readFileSync(join(cli.folder, 'p.backup'));
  site.show('/a', [entry('1'), entry('2'), entry('3')]);
  const args = [...TEST, '--feeds-from', 'p.backup', '--store', 'sqlite:./test.db', '--json'];
  const ended = await cli.run(args, { env: { TMPDIR: cli.folder } });
  t.equal(ended.code, 0, ended.stderr);
  t.match(JSON.parse(ended.stdout), {
    source: { kind: 'snapshot', shown: 'p.backup' },
    crawl: { fetched: 3 },
    comparison: { articles: { same: 6, onlyHere: { 'not-fetched-since': 1 } }, complete: true },
  });
  t.ok(readFileSync(join(cli.folder, 'p.backup')).equals(before));
  t.strictSame(
    readdirSync(cli.folder).filter((name) => name.startsWith('feedferry-snapshot')),
    [],
  );

  const sample = await cli.run([...args, '--force', '--sample', '2', '--seed', 'x'], { env: { TMPDIR: cli.folder } });
  t.match(JSON.parse(sample.stdout), {
    chosen: { inSource: 3, chosen: 2, sample: 2, seed: 'x' },
    comparison: { feeds: { fetched: 2 } },
  });
  await writeFile(join(cli.folder, 'p.backup'), before.subarray(0, 300));
  const damaged = await cli.run(args);
  t.equal(damaged.code, 1);
  t.match(JSON.parse(damaged.stderr), { error: { code: /^(?:BACKUP|RESTORE)_/ } });
});

t.test('from a list: nothing to compare with, and failures count', async (t) => {
  const { cli } = await productionFor(t);
  const list = readFileSync(join(cli.folder, 'f.opml'), 'utf8').replace('/c"/>', '/none"/>');
  const ended = await cli.run([...TEST, '--feeds-from', '-', '--store', 'sqlite:./list.db', '--json'], { input: list });
  t.equal(ended.code, 3, ended.stderr);
  t.match(JSON.parse(ended.stdout), {
    ...{ source: { kind: 'list', shown: 'standard input' }, comparison: null },
    ...{ crawl: { failed: { FETCH_HTTP_404: 1 } }, verdict: { errorsPercent: 33.33, differencesPercent: null } },
  });
});

t.test('no store is written that is not its own', async (t) => {
  const { cli } = await productionFor(t);
  const before = readFileSync(join(cli.folder, 'production.db'));
  const into = (store: string, ...more: string[]) =>
    cli.run([...TEST, '--feeds-from', 'f.opml', '--store', store, ...more]);
  const used = await into('sqlite:./production.db');
  t.equal(used.code, 1);
  t.match(used.stderr, /TEST_CRAWL_STORE_IN_USE/);
  const same = [...TEST, '--feeds-from', 'sqlite:./production.db', '--store', 'sqlite:../production.db'];
  same[same.length - 1] = `sqlite:${cli.folder}/./production.db`;
  t.match((await cli.run(same)).stderr, /TEST_CRAWL_SAME_STORE/);
  t.match((await cli.run([...same, '--into-existing'])).stderr, /TEST_CRAWL_SAME_STORE/, 'not even when allowed');
  await writeFile(join(cli.folder, 'copy.db'), before);
  same[same.length - 1] = 'sqlite:./copy.db';
  t.match((await cli.run(same)).stderr, /TEST_CRAWL_SAME_STORE/, 'nor a copy of its file');
  t.ok(readFileSync(join(cli.folder, 'production.db')).equals(before));

  {
    await using other = await openStore(`sqlite:${join(cli.folder, 'other.db')}`);
    await put(other.users, { id: 'reader', content: { num: 0, name: 'reader', addedAt: 1 } });
  }
  t.match((await into('sqlite:./other.db')).stderr, /holds users/);
  t.equal((await into('sqlite:./other.db', '--into-existing')).code, 0);
  t.equal((await into('sqlite:./other.db', '--force')).code, 0, 'it is marked as a test crawl’s now');
});

t.test('Ctrl-C ends it with a report of what was done', async (t) => {
  const paths = Array.from({ length: 30 }, (_, i) => `/f${i}`);
  const { cli, site } = await productionFor(t, paths);
  const fetched = new Promise<void>((resolve) => {
    const { push } = site.requests;
    site.requests.push = (...requests) => {
      if (site.requests.length >= 2) resolve();
      return push.apply(site.requests, requests);
    };
  });
  const started = cli.start([
    ...FROM_STORE.map((arg) => (arg === '0' ? '200ms' : arg)),
    '--report',
    'r.html',
    '--json',
  ]);
  await fetched;
  started.child.kill('SIGINT');
  const ended = await started.ended;
  t.equal(ended.code, 1);
  t.match(ended.stderr, /INTERRUPTED/);
  const report = JSON.parse(ended.stdout);
  t.match(report, { ended: 'interrupted', verdict: { outcome: 'incomplete' } });
  t.ok(report.crawl.fetched >= 2 && report.crawl.unfinished > 0, `${report.crawl.fetched} fetched`);
  t.equal(report.comparison.feeds.fetched, report.crawl.fetched);
  t.match(readFileSync(join(cli.folder, 'r.html'), 'utf8'), /It was stopped before its end/);
});
