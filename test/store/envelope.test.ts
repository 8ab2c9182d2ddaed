import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { Version } from '../../store/contract.ts';
import { BUCKET_COUNT, bucketOf, canonicalJson, fingerprints } from '../../store/envelope.ts';

const VER = '019aa5f1f200-0000-aaaaaaaa' as Version;
/** Minus zero is zero in JSON. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

t.test('canonical JSON is JSON of the same value', async (t) => {
  fc.assert(fc.property(json, (value) => assert.deepEqual(JSON.parse(canonicalJson(value)), value)));
  t.pass();
});

t.test('canonical JSON does not depend on the order of keys', async (t) => {
  fc.assert(fc.property(json, (value) => assert.equal(canonicalJson(reversed(value)), canonicalJson(value))));
  t.equal(
    canonicalJson({ b: 1, a: { d: [2, 'x'], c: null }, 10: true, 9: false }),
    '{"10":true,"9":false,"a":{"c":null,"d":[2,"x"]},"b":1}',
  );
});

t.test('canonical JSON is the same whichever way it is made', async (t) => {
  fc.assert(fc.property(json, (value) => assert.equal(canonicalJson(value), spelledOut(value))));
  const parsed = JSON.parse(
    '{"b":{"__proto__":{"y":1,"x":2},"a":1},"__proto__":[1],"a":{"2":0,"10":{"z":1,"k":2},"1x":3}}',
  );
  const odd = [parsed, Object.assign(Object.create(null), { b: 1, a: 2 }), { toJSON: 'text', at: { b: [], a: {} } }];
  for (const value of odd) t.equal(canonicalJson(value), spelledOut(value));
  t.same(JSON.parse(canonicalJson(parsed)), parsed);
  t.throws(() => canonicalJson({ a: new Array(1) }), TypeError, 'a hole is nothing that JSON has');
});

t.test('making canonical JSON changes nothing of the value', async (t) => {
  const value = { b: [{ d: 1, c: 2 }], a: 'x' };
  canonicalJson(value);
  t.equal(JSON.stringify(value), '{"b":[{"d":1,"c":2}],"a":"x"}');
});

t.test('what is not JSON is refused, as it would come back as something else', async (t) => {
  for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY, 1n, Symbol('x'), () => 1]) {
    t.throws(() => canonicalJson(value), TypeError);
    t.throws(() => canonicalJson({ a: [value] }), TypeError);
  }
});

t.test('fingerprints are the same at every site and in every release', async (t) => {
  t.same(fingerprints('aaaa.bbbb', '{"a":1}', VER, false), { b: 4040, h1: 2677237325, h2: 3898287422, h3: 841211350 });
  t.equal(bucketOf('ü'), 3);
});

t.test('fingerprints tell content, version and deletion apart', async (t) => {
  const variants = [
    fingerprints('a', 'null', VER, false),
    fingerprints('a', 'null', VER, true),
    fingerprints('a', '{}', VER, false),
    fingerprints('a', 'null', VER.replace('aaaaaaaa', 'bbbbbbbb') as Version, false),
  ];
  t.equal(new Set(variants.map((prints) => `${prints.h1} ${prints.h2} ${prints.h3}`)).size, variants.length);
  t.equal(new Set(variants.map((prints) => prints.b)).size, 1, 'the bucket is that of the id');
});

t.test('ids spread evenly over the buckets', async (t) => {
  const counts = new Array<number>(BUCKET_COUNT).fill(0);
  const ids = 100 * BUCKET_COUNT;
  for (let i = 0; i < ids; i += 1) {
    const b = bucketOf(`feed${i % 300}.entry${i}`);
    counts[b] = (counts[b] ?? 0) + 1;
  }
  t.equal(counts.length, BUCKET_COUNT, 'no bucket outside');
  const fullest = Math.max(...counts);
  t.ok(
    Math.min(...counts) > 30 && fullest < 250,
    `from ${Math.min(...counts)} to ${fullest} in a bucket, 100 expected`,
  );
});

/** What it means, part by part. */
function spelledOut(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spelledOut).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${spelledOut(item)}`).join(',')}}`;
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, reversed(item)]),
  );
}
