/** The report page of a test crawl: one file that runs nothing, whatever feeds have put into it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import { Parser } from 'htmlparser2';
import t from 'tap';
import { testReportPage } from '../../cli/crawl-test-page.ts';
import { type ShownReport, testReportText } from '../../cli/crawl-test-text.ts';
import { widthOf } from '../../cli/text.ts';
import { browserFor, freshPage } from '../site/browser.ts';
import { HOSTILE, sampleReport } from './sample-test-crawl.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

function elementsOf(page: string): Element[] {
  const elements: Element[] = [];
  const parser = new Parser({ onopentag: (name, attributes) => void elements.push({ name, attributes }) });
  parser.end(page);
  return elements;
}

t.test('nothing that a feed or a host says becomes an element, an attribute or a link that runs', async (t) => {
  const elements = elementsOf(testReportPage(sampleReport(HOSTILE)));
  const allowed = new Set(
    (
      'html head meta title style body header main footer section h1 h2 h3 p b br strong ul li dl div dt dd span i a bdi ' +
      'table caption thead tbody tr th td figure figcaption svg rect details summary code ins del'
    ).split(' '),
  );
  t.strictSame([...new Set(elements.map(({ name }) => name).filter((name) => !allowed.has(name)))], []);
  const attributes = elements.flatMap((element) => Object.keys(element.attributes));
  t.strictSame(
    attributes.filter((name) => name.startsWith('on') || name === 'src' || name === 'style'),
    [],
  );
  const links = elements.filter(({ name }) => name === 'a');
  t.ok(links.length > 0 && links.every(({ attributes: { href = '' } }) => /^https?:\/\//.test(href)));
  t.ok(links.every(({ attributes: { rel = '' } }) => rel.includes('noreferrer') && rel.includes('nofollow')));
  const plain = elementsOf(testReportPage(sampleReport('A title')));
  const shape = (all: Element[]) => all.filter(({ name }) => name !== 'a').map(({ name }) => name);
  t.strictSame(shape(elements), shape(plain), 'the page is built the same, whatever the titles are');
});

t.test('what steers the direction of text, or a terminal, is taken out', async (t) => {
  const report = sampleReport('\u202egnp.exe\u001b[2J\u0007');
  for (const text of [testReportPage(report), testReportText(report, 80)]) {
    t.notOk(['\u202e', '\u001b', '\u0007'].some((one) => text.includes(one)));
  }
});

t.test('the report on screen fits 80 columns', async (t) => {
  for (const title of ['A title', HOSTILE, '漢字'.repeat(80), 'x'.repeat(500)]) {
    for (const line of testReportText(sampleReport(title), 80).split('\n')) {
      t.ok(widthOf(line) <= 80, `${widthOf(line)} columns: ${line}`);
    }
  }
});

t.test('a report without fetches, failures or production is a page too', async (t) => {
  const full = sampleReport('A title');
  const empty: ShownReport = {
    ...full,
    comparison: null,
    crawl: { ...full.crawl, feeds: 0, fetched: 0, failed: {} },
    measured: { ...full.measured, fetches: 0, hosts: 0, course: [], statuses: {}, slowestHosts: [], failingHosts: [] },
    verdict: { ...full.verdict, differencesPercent: null, reasons: ['Nothing was fetched: no feed was due'] },
  };
  t.match(testReportPage(empty), /Nothing was fetched/);
  t.match(testReportText(empty, 80), /Nothing was fetched/);
});

t.test('on a phone and in the dark it is readable, asks for nothing and runs nothing', async (t) => {
  const browser = await browserFor(t);
  if (browser === null) return;
  const folder = await mkdtemp(join(tmpdir(), 'feedferry-report-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'report.html');
  await writeFile(path, testReportPage(sampleReport(HOSTILE)));
  for (const [width, colorScheme] of [
    [1200, 'light'],
    [360, 'dark'],
  ] as const) {
    const { page, complaints } = await freshPage(t, browser, {
      ...{ viewport: { width, height: 800 }, colorScheme, bypassCSP: true },
    });
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('dialog', (dialog) => {
      complaints.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(pathToFileURL(path).href);
    await page.evaluate('for (const one of document.querySelectorAll("details")) one.open = true');
    t.strictSame(asked, [pathToFileURL(path).href], `${width}: nothing else is asked for`);
    t.ok(
      Number(await page.evaluate('document.documentElement.scrollWidth')) <= width,
      `${width}: no sideways scrolling`,
    );
    await page.addScriptTag({ path: AXE });
    const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
    t.strictSame(
      violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
      [],
      `${width} ${colorScheme}: axe finds nothing`,
    );
    t.strictSame(complaints, []);
  }
});
