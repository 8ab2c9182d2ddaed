import { resolve } from 'node:path';
import t from 'tap';
import { codeOf } from '../../../store/errors.ts';
import { openStore } from '../../../store/open.ts';
import { pathOfUrl } from '../../../store/sqlite/url.ts';

t.test('a store URL names one absolute path', async (t) => {
  t.equal(pathOfUrl('sqlite:/var/lib/feedferry.db'), '/var/lib/feedferry.db');
  t.equal(pathOfUrl('sqlite:///var/lib/feedferry.db'), '/var/lib/feedferry.db');
  t.equal(pathOfUrl('sqlite:./data/feedferry.db'), resolve('data/feedferry.db'));
  t.equal(pathOfUrl('sqlite:feedferry.db'), resolve('feedferry.db'));
  t.equal(pathOfUrl('sqlite:/a b/ü%20.db'), '/a b/ü%20.db', 'nothing is decoded');
});

t.test('what would surprise is refused', async (t) => {
  const urls = [
    'sqlite:',
    'sqlite: ',
    'sqlite::memory:',
    'sqlite:file:x.db',
    'sqlite://data/x.db',
    'sqlite:~/x.db',
    'sqlite:x.db?mode=ro',
    'sqlite:x.db#y',
    'sqlite:data/',
    'sqlite:a\0b',
    '/var/lib/x.db',
  ];
  for (const url of urls) {
    let code = 'none';
    try {
      pathOfUrl(url);
    } catch (error) {
      code = codeOf(error);
    }
    t.equal(code, 'STORE_URL_INVALID', JSON.stringify(url));
  }
  await t.rejects(openStore('postgres://x'), { code: 'STORE_URL_INVALID' });
  await t.rejects(openStore('sqlite::memory:'), { code: 'STORE_URL_INVALID' });
});
