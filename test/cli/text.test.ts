import fc from 'fast-check';
import t from 'tap';
import { nearest } from '../../cli/nearest.ts';
import { bytes, cut, moment, printable, relative, span, table, widthOf, wrap } from '../../cli/text.ts';

t.test('what a feed sends can steer no terminal', async (t) => {
  t.equal(printable('\u001b[2J\u001b]0;owned\u0007Title\r\n two\u202etxet'), '[2J ]0;owned Title two txet');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => !/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(printable(text))),
  );
});

t.test('widths count what a terminal gives: two columns for wide letters and emoji, one for the others', async (t) => {
  t.equal(widthOf('abc'), 3);
  t.equal(widthOf('日本語'), 6);
  t.equal(widthOf('e\u0301'), 1, 'a letter with its accent');
  t.equal(widthOf('👩‍👩‍👧'), 2, 'a joined emoji');
});

t.test('a cut text never exceeds its width and shows that something is missing', async (t) => {
  t.equal(cut('Feedferry', 9), 'Feedferry');
  t.equal(cut('Feedferry', 5), 'Feed…');
  t.equal(cut('日本語', 4), '日…');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, width) => {
      const out = cut(printable(text), width);
      return widthOf(out) <= width;
    }),
  );
});

t.test('a table stays within its width and leaves no trailing spaces', async (t) => {
  const text = table(
    [{ title: 'id', width: 4 }, { title: 'title' }, { title: 'n', width: 3, right: true }],
    [
      ['abcdef', 'A title that is much too long for its column', '7'],
      ['x', '', '1234'],
    ],
    30,
  );
  t.equal(text, 'id    title                  n\nabc…  A title that is mu…    7\nx                          12…\n');
  for (const line of text.split('\n')) t.ok(widthOf(line) <= 30 && line === line.trimEnd(), line);
});

t.test('wrapped text keeps every word, in lines of the given room', async (t) => {
  t.equal(wrap('one two three', 7, '  '), 'one two\n  three');
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z]{1,12}$/)), fc.integer({ min: 12, max: 40 }), (words, room) => {
      const lines = wrap(words.join(' '), room, '').split('\n');
      return lines.every((line) => line.length <= room) && lines.join(' ') === words.join(' ');
    }),
  );
});

t.test('sizes, spans and moments read as people write them', async (t) => {
  t.strictSame([0, 999, 1000, 12_345_678, 999_999].map(bytes), ['0 B', '999 B', '1.00 kB', '12.3 MB', '1.00 MB']);
  t.strictSame([5, 1500, 89_000, 90_000, 5.4e6, 1.3e8].map(span), ['5 ms', '2 s', '89 s', '2 min', '2 h', '2 d']);
  t.strictSame(
    [relative(null, 0), relative(5, 0), relative(0, 3000), relative(3000, 0)],
    ['never', 'now', '3 s ago', 'in 3 s'],
  );
  t.equal(moment(0), '1970-01-01 00:00:00Z');
});

t.test('the nearest word is found across dashes, underscores and capitals, and only where it is near', async (t) => {
  const words = ['store', 'hostGap', 'userAgent'];
  t.equal(nearest('host-gap', words), 'hostGap');
  t.equal(nearest('USER_AGNT', words), 'userAgent');
  t.equal(nearest('stroe', words), undefined, 'two wrong letters of five are too many');
  t.equal(nearest('stor', words), 'store');
  t.equal(nearest('entirely-else', words), undefined);
});
