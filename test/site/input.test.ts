import t from 'tap';
import { articleIdOf, cursorText, Fields, feedIdOf, scopeOf } from '../../site/input.ts';
import { articleId, feedId } from '../../store/ids.ts';

const FEED = feedId('https://example.org/feed');

t.test('a form goes back to a path of this site, never to another site', async (t) => {
  const back = (value: unknown) => new Fields({ return: value }).localPath('return', '/fallback');
  t.equal(back('/feeds/x?show=all&before=1.2#a-3'), '/feeds/x?show=all&before=1.2#a-3');
  for (const evil of [
    'https://evil.com/',
    '//evil.com',
    '/\\evil.com',
    '/\t/evil.com',
    'javascript:alert(1)',
    '',
    7,
    undefined,
  ]) {
    t.equal(back(evil), '/fallback', String(evil));
  }
});

t.test('a place in a list survives its way through an address', async (t) => {
  for (const position of [
    { at: 1_763_719_200_000, num: 777_000_000_000_001 },
    { at: 0, num: 1 },
    { at: -86_400_000, num: 3 },
  ]) {
    t.strictSame(new Fields({ before: cursorText(position) }).cursor('before'), position);
  }
  t.equal(new Fields({}).cursor('before'), null);
  for (const wrong of ['x', '1', '1.', '1.2.3', '1e9.1']) {
    t.throws(() => new Fields({ before: wrong }).cursor('before'), { code: 'SITE_CURSOR_INVALID' }, wrong);
  }
});

t.test('fields are text, flags and whole numbers, or an error that names the field', async (t) => {
  t.equal(new Fields({ a: ['first', 'second'] }).text('a'), 'first');
  t.equal(new Fields(null).text('a'), '');
  t.equal(new Fields({}).text('constructor'), '');
  t.equal(new Fields({ on: '1' }).flag('on'), true);
  t.throws(() => new Fields({ on: 'yes' }).flag('on'), { code: 'SITE_FORM_INVALID' });
  t.equal(new Fields({ until: '12' }).num('until'), 12);
  for (const wrong of ['', '-1', '1.5', 'x', '9007199254740993']) {
    t.throws(() => new Fields({ until: wrong }).num('until'), { code: 'SITE_FORM_INVALID' }, wrong);
  }
  t.throws(() => new Fields({ url: 'x'.repeat(5_000) }).text('url'), { code: 'SITE_FORM_INVALID' });
});

t.test('ids are those that the store makes', async (t) => {
  const article = articleId(FEED, 'entry 1');
  t.equal(feedIdOf(FEED), FEED);
  t.equal(articleIdOf(article), article);
  t.throws(() => feedIdOf('../etc'), { code: 'SITE_FEED_UNKNOWN' });
  t.throws(() => feedIdOf(undefined), { code: 'SITE_FEED_UNKNOWN' });
  t.throws(() => articleIdOf(FEED), { code: 'SITE_ARTICLE_UNKNOWN' });
});

t.test('a form speaks of a feed, a folder or everything', async (t) => {
  t.strictSame(scopeOf(new Fields({ feed: FEED, folder: 'x' })), { kind: 'feed', feed: FEED });
  t.strictSame(scopeOf(new Fields({ folder: 'News' })), { kind: 'folder', folder: 'News' });
  t.strictSame(scopeOf(new Fields({})), { kind: 'all' });
});
