import t from 'tap';
import { differingFields, FIELDS_MAX, VALUE_CHARS_MAX } from '../../../replicator/verify/fields.ts';

t.test('fields that differ are named, however deep', async (t) => {
  t.same(differingFields({ a: 1, b: { c: [1, { d: 'x' }] } }, { a: 1, b: { c: [1, { d: 'y' }, 3] } }), [
    { field: 'b.c[1].d', source: '"x"', destination: '"y"' },
    { field: 'b.c[2]', source: null, destination: '3' },
  ]);
  t.same(differingFields({ a: null }, {}), [{ field: 'a', source: 'null', destination: null }]);
  t.same(differingFields({ a: [] }, { a: {} }), [{ field: 'a', source: '[]', destination: '{}' }]);
});

t.test('a deletion differs as a whole, and equal contents in nothing', async (t) => {
  t.same(differingFields(null, { a: 1 }), [{ field: '', source: 'null', destination: '{"a":1}' }]);
  t.same(differingFields({ a: [1, { b: 'é' }] }, { a: [1, { b: 'é' }] }), []);
});

t.test('of long values the place is shown where they begin to differ', async (t) => {
  const long = 'x'.repeat(500);
  const [found] = differingFields({ html: `${long}A${long}` }, { html: `${long}B${long}` });
  t.match(found?.source, /^…x+Ax+…$/);
  t.match(found?.destination, /^…x+Bx+…$/);
  for (const value of [found?.source, found?.destination]) t.ok((value?.length ?? 99) <= VALUE_CHARS_MAX);
  const [cut] = differingFields({ html: '𝄞'.repeat(100) }, { html: `${'𝄞'.repeat(40)}!` });
  t.ok(cut?.source?.isWellFormed(), 'no half characters');
});

t.test('of many fields the first are shown', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, i]));
  t.equal(differingFields(many, {}).length, FIELDS_MAX);
});
