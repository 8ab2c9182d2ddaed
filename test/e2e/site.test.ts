import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import t from 'tap';
import { importFeeds } from '../../crawler/import-feeds.ts';
import { parseOpml, writeOpml } from '../../crawler/parse/opml.ts';
import type { RunningSite } from '../../site/server.ts';
import { browserFor, freshPage } from '../site/browser.ts';
import { addArticles, addFeeds, emptyStore, feedOf, NOON } from '../site/made-up.ts';
import { siteOver } from '../site/running.ts';

const OPML = `<?xml version="1.0"?><opml version="2.0"><body><outline text="Sea">
<outline type="rss" text="Tides" xmlUrl="https://tides.example.org/feed"/></outline>
<outline type="rss" text="Broken" xmlUrl="gopher://old.example.org/"/></body></opml>`;

/** A site to which one feed can be added, by any address. */
async function siteWithAFeed(t: import('tap').Test): Promise<RunningSite> {
  const store = await emptyStore(t);
  const clock = () => NOON;
  return siteOver(t, store, {
    async addFeed() {
      await addFeeds(store, [['harbour', { title: 'Harbour Journal' }]]);
      const titles = ['First light', 'Dredging resumes', 'What the tables leave out'];
      const ids = await addArticles(
        store,
        'harbour',
        titles.map((title) => [title, { title }]),
      );
      return { id: feedOf('harbour'), title: 'Harbour Journal', articles: ids.length, created: true };
    },
    async importOpml(body) {
      const { feeds, warnings } = parseOpml(body);
      const { ids, invalid } = await importFeeds({ store, clock, random: () => 0.5, feeds });
      const entries = feeds.flatMap(({ title, folder }, i) => (ids[i] ? [{ id: ids[i], title, folder }] : []));
      const unusable = warnings.map(({ message }) => ({ url: '', message }));
      return { entries, invalid: [...invalid, ...unusable] };
    },
    exportOpml: (feeds) => writeOpml(feeds, 'Feeds', new Date(NOON)),
  });
}

const unreadIn = async (page: Page): Promise<number> => {
  const count = page.locator('.bar [data-count="all"]');
  return (await count.isVisible()) ? Number.parseInt(await count.innerText(), 10) : 0;
};

const titles = (page: Page): Promise<string[]> => page.locator('.row-title').allInnerTexts();

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript';
  t.test(`from the first visit to a read and starred article, ${how}`, async (t) => {
    const browser = await browserFor(t);
    if (browser === null) return;
    const site = await siteWithAFeed(t);
    const { page, complaints } = await freshPage(t, browser, { javaScriptEnabled });

    await page.goto(site.url);
    t.match(await page.locator('h1').innerText(), 'Welcome');
    await page.getByLabel('Address of a site or feed').fill('harbour.example.org');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    t.match(await page.getByRole('status').innerText(), 'Feed added, with 3 articles.');
    t.strictSame(await titles(page), ['What the tables leave out', 'Dredging resumes', 'First light']);
    t.equal(await unreadIn(page), 3);

    await page.getByRole('link', { name: 'Articles' }).click();
    await page.getByRole('link', { name: 'Dredging resumes', exact: true }).click();
    t.equal(await page.locator('h1').innerText(), 'Dredging resumes');
    t.equal(await unreadIn(page), 2, 'opening it marks it read');
    await page.getByRole('link', { name: 'Back to the list' }).click();
    t.strictSame(await titles(page), ['What the tables leave out', 'First light']);

    const row = page.locator('.row', { hasText: 'First light' });
    const star = row.getByRole('button', { name: 'Star' });
    await star.click();
    await page.locator('.row[data-starred="1"]').waitFor();
    t.equal(await star.getAttribute('aria-pressed'), 'true');
    await page.getByRole('link', { name: 'Starred' }).click();
    t.strictSame(await titles(page), ['First light']);

    await page.goto(site.url);
    await row.getByRole('button', { name: 'Read' }).click();
    await page.locator('.bar [data-count="all"]', { hasText: /^1/ }).waitFor();
    await page.getByRole('link', { name: 'All', exact: true }).click();
    t.strictSame(await titles(page), ['What the tables leave out', 'Dredging resumes', 'First light']);
    await page.locator('.row', { hasText: 'Dredging' }).getByRole('button', { name: 'Read' }).click();
    await page.locator('.row[data-read="0"]', { hasText: 'Dredging' }).waitFor();
    t.equal(await unreadIn(page), 2, 'and unread again');

    await page.getByRole('link', { name: 'Unread', exact: true }).click();
    await page.locator('summary', { hasText: 'Mark all as read' }).click();
    await page.getByRole('button', { name: 'Mark as read', exact: true }).click();
    t.match(await page.locator('.empty').innerText(), 'All read.');
    t.equal(await unreadIn(page), 0);
    t.strictSame(complaints, []);
  });

  t.test(`feeds come in and go out as OPML, are named, sorted and left, ${how}`, async (t) => {
    const browser = await browserFor(t);
    if (browser === null) return;
    const site = await siteWithAFeed(t);
    const { page, complaints } = await freshPage(t, browser, { javaScriptEnabled });

    await page.goto(site.url);
    await page
      .getByLabel('OPML file')
      .setInputFiles({ name: 'my.opml', mimeType: 'text/xml', buffer: Buffer.from(OPML) });
    await page.getByRole('button', { name: 'Import' }).click();
    const result = await page.locator('.result-box').innerText();
    t.match(result, 'One feed was added');
    t.match(result, 'gopher://old.example.org/');
    await page.getByRole('link', { name: 'See your feeds' }).click();
    t.strictSame(await page.locator('h3').allInnerTexts(), ['Tides']);
    t.match(await page.locator('.feed').innerText(), 'Not fetched yet');

    await page.locator('h3').getByRole('link', { name: 'Tides' }).click();
    await page.locator('summary', { hasText: 'Settings' }).click();
    await page.getByLabel('Name').fill('My tides');
    await page.getByLabel('Folder').fill('Coast');
    await page.getByRole('button', { name: 'Save' }).click();
    t.equal(await page.locator('h1').innerText(), 'My tides');

    await page.getByRole('link', { name: 'Import and export' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download the OPML file' }).click(),
    ]);
    const { feeds } = parseOpml(await readFile(await download.path()));
    t.match(feeds, [{ url: 'https://tides.example.org/feed', title: 'My tides', folder: 'Coast' }]);

    await page.getByRole('link', { name: 'Feeds', exact: true }).click();
    await page.locator('h3').getByRole('link', { name: 'My tides' }).click();
    await page.locator('summary', { hasText: 'Settings' }).click();
    await page.getByRole('button', { name: 'Stop following' }).click();
    t.match(await page.locator('main').innerText(), 'Nothing is followed yet.');
    t.strictSame(complaints, []);
  });
}

t.test('the keyboard walks through the list', async (t) => {
  const browser = await browserFor(t);
  if (browser === null) return;
  const site = await siteWithAFeed(t);
  const { page, complaints } = await freshPage(t, browser);
  await page.goto(site.url);
  await page.getByLabel('Address of a site or feed').fill('jkms');
  t.equal(await page.getByLabel('Address of a site or feed').inputValue(), 'jkms', 'fields keep their letters');
  await page.keyboard.press('Enter');
  await page.locator('.row').first().waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('s');
  await page.locator('.row[data-starred="1"]', { hasText: 'Dredging' }).waitFor();
  await page.keyboard.press('m');
  await page.locator('.row[data-read="1"]', { hasText: 'Dredging' }).waitFor();
  await page.keyboard.press('k');
  await page.keyboard.press('o');
  await page.waitForURL('**/articles/**');
  t.equal(await page.locator('h1').innerText(), 'What the tables leave out');
  await page.keyboard.press('n');
  await page.getByRole('heading', { level: 1, name: 'First light' }).waitFor();
  await page.keyboard.press('g');
  await page.waitForURL('**/feeds/**');
  t.equal(await unreadIn(page), 0);
  await page.keyboard.press('?');
  t.ok(await page.getByText('next, previous article').isVisible());
  t.strictSame(complaints, []);
});
