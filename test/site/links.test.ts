import t from 'tap';
import { languageTag, shortUrl, webUrl } from '../../site/pages/links.ts';

t.test('only addresses of the web become links', async (t) => {
  t.equal(webUrl('https://example.org/?a=1'), 'https://example.org/?a=1');
  t.equal(webUrl('HTTP://example.org/'), 'HTTP://example.org/');
  for (const url of ['javascript:alert(1)', 'data:text/html,x', ' https://example.org', '/path', '', null]) {
    t.equal(webUrl(url), null, String(url));
  }
});

t.test('addresses are shown short, and without a password', async (t) => {
  t.equal(shortUrl('https://www.example.org/'), 'example.org');
  t.equal(shortUrl('http://ada:secret@example.org/feed'), 'example.org/feed');
  t.equal(shortUrl('https://example.org/@ada'), 'example.org/@ada');
});

t.test('a language is a tag that browsers know, or none', async (t) => {
  const cases: [string | null, string | null][] = [
    ['en', 'en'],
    ['en-us', 'en-US'],
    ['pt_BR', 'pt-BR'],
    [' de ', 'de'],
    ['zh-hant-tw', 'zh-Hant-TW'],
    ['English', null],
    ['en-', null],
    ['e', null],
    ['', null],
    [null, null],
  ];
  for (const [given, expected] of cases) t.equal(languageTag(given), expected, String(given));
});
