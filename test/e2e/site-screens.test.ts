import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import t from 'tap';
import type { RunningSite } from '../../site/server.ts';
import { CodedError } from '../../store/errors.ts';
import { browserFor, freshPage } from '../site/browser.ts';
import { addArticles, addFeeds, articleOf, emptyStore, feedOf, HOUR, NOON } from '../site/made-up.ts';
import { follow, post, siteOver } from '../site/running.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const LONG = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft';
const WIDE = `<p>Text with ${LONG}.</p><pre>${'a very long line of code '.repeat(20)}</pre>
<table><tr>${'<td>a cell of a wide table</td>'.repeat(12)}</tr></table>
<p><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width="3000" height="20" alt="A wide line"></p>
<h2>A heading</h2><blockquote><p>A quotation.</p></blockquote><ul><li>One</li></ul>`;

/** A site with something of everything on its pages. */
async function fullSite(t: import('tap').Test): Promise<RunningSite> {
  const store = await emptyStore(t);
  const lastError = {
    code: 'FETCH_HTTP_503',
    message: `The server answered 503 for https://${LONG}.example.org/`,
    at: NOON,
  };
  const visit = { at: NOON, ms: 12, status: 200, outcome: 'ok', message: '', bytes: 6000, added: 1, changed: 0 };
  await addFeeds(store, [
    ['harbour', { title: 'Harbour Journal', description: 'Notes from the quay.', history: [visit] }],
    ['broken', { title: LONG, errors: 2, lastError }],
    ['arabic', { title: 'مدونة القراءة', language: 'ar' }],
  ]);
  const enclosures = [{ url: 'https://cdn.example.org/1.mp3', type: 'audio/mpeg', length: 5_000_000 }];
  await addArticles(store, 'harbour', [
    ['wide', { title: `On ${LONG}`, html: WIDE, categories: ['sea'], authors: ['Ada Lindqvist'], enclosures }],
    ['plain', { title: 'What the tables leave out' }],
    ...Array.from({ length: 45 }, (_, i): [string, object] => [
      `n${i}`,
      { title: `Entry ${i}`, at: NOON - (99 + i) * HOUR },
    ]),
  ]);
  await addArticles(store, 'arabic', [['a', { title: 'كيف نقرأ في زمن السرعة', summary: 'نص قصير.' }]]);
  await follow(store, ['harbour'], 'Places');
  await follow(store, ['broken', 'arabic']);
  const site = await siteOver(t, store, {
    addFeed: async (input) => {
      const candidates = [{ url: `https://${LONG}.example.org/feed`, title: 'All posts' }];
      if (input === 'many') throw Object.assign(new CodedError('DISCOVER_MANY', 'Several'), { candidates });
      throw new CodedError('FETCH_DNS', `No such host: ${LONG}`);
    },
    crawlerStatus: () => ({ inFlight: 1, lastPass: { failed: { FETCH_HTTP_503: 1 } }, log: [LONG] }),
  });
  await post(site, `/articles/${articleOf('harbour', 'plain')}/star`, { on: '1' });
  return site;
}

type Visit = (page: Page, site: RunningSite) => Promise<unknown>;

const open =
  (path: string): Visit =>
  (page, site) =>
    page.goto(site.url + path);

const add =
  (input: string): Visit =>
  async (page, site) => {
    await page.goto(`${site.url}/add`);
    await page.getByLabel('Address of a site or feed').fill(input);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.locator('#add-trouble').waitFor();
  };

const PAGES: Readonly<Record<string, Visit>> = {
  'the list': open('/'),
  'all articles': open('/?show=all'),
  'a folder': open('/?folder=Places'),
  'a feed': open(`/feeds/${feedOf('harbour')}`),
  'a feed in trouble': open(`/feeds/${feedOf('broken')}`),
  'its settings': async (page, site) => {
    await page.goto(`${site.url}/feeds/${feedOf('harbour')}`);
    await page.locator('summary', { hasText: 'Settings' }).click();
  },
  'the menu to mark all': async (page, site) => {
    await page.goto(site.url);
    await page.locator('summary', { hasText: 'Mark all as read' }).click();
  },
  'an article': open(`/articles/${articleOf('harbour', 'wide')}`),
  'an article from right to left': open(`/articles/${articleOf('arabic', 'a')}`),
  starred: open('/starred'),
  feeds: open('/feeds'),
  'feeds in trouble': open('/feeds?show=trouble'),
  'adding a feed': open('/add'),
  'an address that failed': add('nowhere'),
  'feeds to choose from': add('many'),
  opml: open('/opml'),
  status: open('/status'),
  'not found': open('/nothing'),
};

/** Rules by which a reader would be kept out. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

for (const [colorScheme, width] of [
  ['light', 1280],
  ['dark', 390],
] as const) {
  t.test(`everybody can use every page, ${colorScheme}, ${width} wide`, async (t) => {
    const browser = await browserFor(t);
    if (browser === null) return;
    const site = await fullSite(t);
    const { page } = await freshPage(t, browser, { colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
    for (const [name, visit] of Object.entries(PAGES)) {
      await visit(page, site);
      t.strictSame(await violations(page), [], name);
    }
  });
}

t.test('the welcome page can be used by everybody', async (t) => {
  const browser = await browserFor(t);
  if (browser === null) return;
  const site = await siteOver(t, await emptyStore(t));
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await freshPage(t, browser, { colorScheme, bypassCSP: true });
    await page.goto(site.url);
    t.strictSame(await violations(page), [], colorScheme);
  }
});

t.test('no page is wider than its window, and no page makes the browser complain', async (t) => {
  const browser = await browserFor(t);
  if (browser === null) return;
  const site = await fullSite(t);
  for (const width of [320, 768, 2560]) {
    const { page, complaints } = await freshPage(t, browser, { viewport: { width, height: 800 } });
    for (const [name, visit] of Object.entries(PAGES)) {
      await visit(page, site);
      const surplus = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      t.equal(surplus, 0, `${name} fits into ${width} px`);
    }
    const own = complaints.filter((text) => !/status of (404|422)/.test(text));
    t.strictSame(own, [], `${width} px`);
  }
});

t.test('the list shows its titles, in its own type', async (t) => {
  const browser = await browserFor(t);
  if (browser === null) return;
  const site = await fullSite(t);
  const { page } = await freshPage(t, browser, { viewport: { width: 1280, height: 900 } });
  await page.goto(site.url);
  for (const title of ['What the tables leave out', 'كيف نقرأ في زمن السرعة']) {
    t.ok(await page.getByRole('link', { name: title, exact: true }).isVisible(), title);
  }
  t.equal(await page.locator('.row').count(), 40);
  const loaded =
    "document.fonts.ready.then((all) => [...all].filter((f) => f.status === 'loaded').map((f) => f.family))";
  const fonts = (await page.evaluate(loaded)) as string[];
  t.ok(fonts.some((font) => font.includes('FF Serif')) && fonts.some((font) => font.includes('FF Sans')), fonts.join());
  const picture = await page.screenshot();
  t.ok(picture.length > 20_000, 'the picture shows a page, not a blank');
});
