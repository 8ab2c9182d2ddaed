import t from 'tap';
import { freshMs, retryAfterMs } from '../../crawler/publisher-wishes.ts';

const NOW = Date.UTC(2026, 0, 5, 12);
const MINUTE = 60_000;
const at = (ms: number) => new Date(NOW + ms).toUTCString();

t.test('how long an answer is fresh', (t) => {
  const cases: [string, Record<string, string | string[]>, number | null][] = [
    ['nothing said', {}, null],
    ['max-age', { 'cache-control': 'max-age=600' }, 10 * MINUTE],
    ['with others, in capitals, quoted', { 'cache-control': 'Public, Max-Age="600", must-revalidate' }, 10 * MINUTE],
    ['in two headers', { 'cache-control': ['public', 'max-age=600'] }, 10 * MINUTE],
    ['less what it spent in caches', { 'cache-control': 'max-age=600', age: '540' }, MINUTE],
    ['stale already', { 'cache-control': 'max-age=600', age: '900' }, null],
    ['zero', { 'cache-control': 'max-age=0' }, null],
    ['no-cache', { 'cache-control': 'no-cache, max-age=600' }, null],
    ['no-store', { 'cache-control': 'no-store', expires: at(MINUTE) }, null],
    ['for shared caches only', { 'cache-control': 's-maxage=600' }, null],
    ['Expires', { expires: at(5 * MINUTE) }, 5 * MINUTE],
    ['Expires by the server’s clock', { expires: at(65 * MINUTE), date: at(60 * MINUTE) }, 5 * MINUTE],
    ['max-age goes before Expires', { 'cache-control': 'max-age=60', expires: at(5 * MINUTE) }, MINUTE],
    ['Expires in the past', { expires: at(-MINUTE) }, null],
    ['Expires: 0', { expires: '0' }, null],
    ['Expires: -1', { expires: '-1' }, null],
    ['nonsense', { 'cache-control': 'max-age=soon', expires: 'never' }, null],
  ];
  for (const [name, headers, expected] of cases) t.equal(freshMs(headers, NOW), expected, name);
  t.end();
});

t.test('when to come back', (t) => {
  const cases: [string, Record<string, string>, number | null][] = [
    ['nothing said', {}, null],
    ['seconds', { 'retry-after': '120' }, 2 * MINUTE],
    ['seconds with a fraction', { 'retry-after': '1.5' }, 1_500],
    ['a date', { 'retry-after': at(5 * MINUTE) }, 5 * MINUTE],
    ['a date in the past', { 'retry-after': at(-MINUTE) }, null],
    ['empty', { 'retry-after': ' ' }, null],
    ['nonsense', { 'retry-after': 'later' }, null],
  ];
  for (const [name, headers, expected] of cases) t.equal(retryAfterMs(headers, NOW), expected, name);
  t.end();
});
