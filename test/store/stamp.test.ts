import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { SiteId, Version } from '../../store/contract.ts';
import { canonicalJson, fingerprints } from '../../store/envelope.ts';
import { Serialized } from '../../store/serialized.ts';
import {
  conflicts,
  heals,
  isStale,
  passes,
  prepareEdits,
  prepareReplicas,
  serializeContent,
  stampEdit,
  stampReplica,
  stampSerialized,
} from '../../store/stamp.ts';
import { storedDocument } from '../../store/stored-document.ts';
import { VersionClock, writeVersion } from '../../store/version.ts';

const SITE = 'aaaaaaaa' as SiteId;
const OTHER = 'zzzzzzzz' as SiteId;
const NOON = Date.UTC(2025, 10, 21, 12);
const v = (ms: number) => writeVersion(ms, 0, OTHER);
const stamper = () => ({ site: SITE, clock: () => NOON, versions: new VersionClock(SITE, () => NOON) });
const there = { ver: v(5), org: SITE, vv: null, del: false, num: 0 };

t.test('a stamped body is the canonical JSON of the stamped content', async (t) => {
  const contents = fc.dictionary(
    fc.string().filter((key) => !['_id', 'ver', 'org', 'vv', 'slot', 'n', 'del', 'delAt'].includes(key)),
    fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown),
    { noNullPrototype: true },
  );
  const reserved = ['b', 'h1', 'h2', 'h3', 'fill'];
  fc.assert(
    fc.property(contents, fc.constantFrom(0, 7), (extra, num) => {
      for (const name of reserved) delete extra[name];
      const [edit] = prepareEdits('users', [{ id: 'a', content: { ...extra, num } }]);
      assert.ok(edit);
      const stamped = stampEdit(stamper(), edit, undefined, 1);
      assert.equal(stamped.body, canonicalJson(stamped.content));
      const given = (stamped.content as { num: number }).num;
      assert.ok(num === 0 ? given > 0 : given === num);
      const { b, h1, h2, h3 } = stamped;
      assert.deepEqual({ b, h1, h2, h3 }, fingerprints('a', stamped.body, stamped.ver, false));
    }),
  );
  t.pass();
});

t.test('content that came serialized is stamped as the same content is', async (t) => {
  const contents = fc.dictionary(
    fc.string().filter((key) => !['_id', 'ver', 'org', 'vv', 'slot', 'n', 'del', 'delAt', 'b'].includes(key)),
    fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown),
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(contents, fc.constantFrom(0, 7), (extra, num) => {
      for (const name of ['h1', 'h2', 'h3', 'fill']) delete extra[name];
      const content = { ...extra, num };
      const [edit] = prepareEdits('users', [{ id: 'a', content }]);
      assert.ok(edit);
      const { head, tail } = serializeContent('users', 'a', content);
      const bytes = { head: Buffer.from(head), tail: tail === null ? null : Buffer.from(tail), indexed: { num } };
      const serialized = Serialized.of<'users'>(bytes);
      const { body, content: indexed, ...stamped } = stampSerialized(stamper(), { ...edit }, serialized, undefined, 1);
      const { body: text, content: whole, ...expected } = stampEdit(stamper(), edit, undefined, 1);
      assert.equal(Buffer.from(body).toString(), text);
      assert.equal((indexed as { num: number }).num, (whole as { num: number }).num);
      assert.deepEqual(stamped, expected);
      assert.deepEqual(serialized.content, JSON.parse(canonicalJson(edit.content)));
    }),
  );
  t.pass();
});

t.test('only numbered databases get integer ids', async (t) => {
  const [edit] = prepareEdits('states', [{ id: 'a', content: { num: 0 } }]);
  t.same(edit && stampEdit(stamper(), edit, undefined, 1).content, { num: 0 });
});

t.test('an edit is newer than what is there, and keeps its number', async (t) => {
  const [edit] = prepareEdits('users', [{ id: 'a', content: { num: 0 } }]);
  if (!edit) return t.fail();
  const ahead = { ...there, ver: v(NOON + 1e9), num: 41 };
  const stamped = stampEdit(stamper(), edit, ahead, 1);
  t.ok(stamped.ver > ahead.ver);
  t.same(stamped.content, { num: 41 });
  t.same([stamped.org, stamped.vv, stamped.del, stamped.delAt], [SITE, null, false, null]);
});

t.test('an edit of a document with a version vector adds this site’s clock', async (t) => {
  const [edit] = prepareEdits('users', [{ id: 'a', content: null }]);
  if (!edit) return t.fail();
  const vv = { [OTHER]: '000000000005-0000' };
  const stamped = stampEdit(stamper(), edit, { ...there, vv }, 1);
  t.same(stamped.vv, { ...vv, [SITE]: stamped.ver.slice(0, 17) });
  t.same([stamped.del, stamped.delAt, stamped.body], [true, NOON, 'null']);
});

t.test('an edit over another site’s version begins a version vector, over one’s own it does not', async (t) => {
  const [edit] = prepareEdits('users', [{ id: 'a', content: { num: 1 } }]);
  if (!edit) return t.fail();
  t.equal(stampEdit(stamper(), edit, undefined, 1).vv, null, 'a new document');
  t.equal(stampEdit(stamper(), edit, there, 1).vv, null, 'a document that only this site edited');
  const theirs = { ...there, org: OTHER };
  const stamped = stampEdit(stamper(), edit, theirs, 1);
  t.same(stamped.vv, { [OTHER]: theirs.ver.slice(0, 17), [SITE]: stamped.ver.slice(0, 17) });
  const tombstone = { ...theirs, del: true };
  t.same(Object.keys(stampEdit(stamper(), edit, tombstone, 1).vv ?? {}), [OTHER, SITE], 'over their tombstone too');
  const again = { ...there, ver: stamped.ver, vv: stamped.vv };
  const second = stampEdit(stamper(), edit, again, 1);
  t.same(
    second.vv,
    { [OTHER]: theirs.ver.slice(0, 17), [SITE]: second.ver.slice(0, 17) },
    'the next edit goes on with it',
  );
  t.ok(second.ver > stamped.ver);
});

t.test('an edit is above the version that it was asked to be above', async (t) => {
  const above = v(NOON + 1e9);
  const [edit] = prepareEdits('users', [{ id: 'a', content: { num: 1 }, above }]);
  if (!edit) return t.fail();
  t.ok(stampEdit(stamper(), edit, there, 1).ver > above);
  const bad = { id: 'a', content: { num: 1 }, above: 'zzz' as Version };
  t.throws(() => prepareEdits('users', [bad]), { code: 'BATCH_INVALID' });
});

t.test('a replica keeps what it came with, and later edits here are above it', async (t) => {
  const [prepared] = prepareReplicas([{ id: 'a', ver: v(NOON + 9), org: OTHER, vv: null, delAt: null, content: {} }]);
  if (!prepared) return t.fail();
  const here = stamper();
  const stamped = stampReplica(here, prepared);
  t.same([stamped.ver, stamped.org, stamped.body], [v(NOON + 9), OTHER, '{}']);
  t.ok(here.versions.next() > stamped.ver);
});

t.test('compare-and-set passes only what it should', async (t) => {
  const gone = { ...there, del: true };
  t.ok(passes({ ifVer: undefined }, undefined) && passes({ ifVer: undefined }, there), 'without a condition');
  t.ok(passes({ ifVer: null }, undefined) && passes({ ifVer: null }, gone), 'create only');
  t.notOk(passes({ ifVer: null }, there));
  t.ok(passes({ ifVer: v(5) }, there) && passes({ ifVer: v(5) }, gone), 'that version');
  t.notOk(passes({ ifVer: v(5) }, undefined));
  t.notOk(passes({ ifVer: v(4) }, there));
});

t.test('a replica is stale where something as new is there', async (t) => {
  t.notOk(isStale({ ver: v(5) }, undefined));
  t.notOk(isStale({ ver: v(6) }, there));
  t.ok(isStale({ ver: v(5) }, there));
  t.ok(isStale({ ver: v(4) }, there));
});

t.test('a replica that heals is stale only below what is there', async (t) => {
  t.notOk(isStale({ ver: v(5), heal: true }, there));
  t.ok(isStale({ ver: v(4), heal: true }, there));
  const [prepared] = prepareReplicas([{ id: 'a', ver: v(5), org: OTHER, vv: null, delAt: null, content: { x: 1 } }]);
  const stamped = prepared && stampReplica(stamper(), prepared);
  if (!stamped) return t.fail();
  t.notOk(heals(stamped, stamped), 'what is sound is left alone');
  t.ok(heals(stamped, { ...stamped, body: '{"x":2}' }), 'another body');
  t.ok(heals(stamped, { ...stamped, h2: stamped.h2 ^ 1 }), 'other words');
});

t.test('a replica with a condition conflicts with any version but that one', async (t) => {
  t.notOk(conflicts({}, there) || conflicts({}, undefined));
  t.notOk(conflicts({ ifVer: v(5) }, there) || conflicts({ ifVer: null }, undefined));
  t.ok(conflicts({ ifVer: v(4) }, there) && conflicts({ ifVer: v(4) }, undefined) && conflicts({ ifVer: null }, there));
});

t.test('the body of a stored document is passed on as it is, and parsed only when its content is wanted', async (t) => {
  const fields = { id: 'a', ver: v(5), org: OTHER, vv: null, slot: 1, n: 1, delAt: null };
  const doc = storedDocument<object>(fields, '{"x":1}');
  const [prepared] = prepareReplicas([doc]);
  t.same([prepared?.body, prepared?.content], ['{"x":1}', { x: 1 }]);
  t.same({ ...doc }, { ...fields, body: '{"x":1}', content: { x: 1 } }, 'a copy has its content');
  const [broken] = prepareReplicas([storedDocument<object>(fields, '{"x"')]);
  t.throws(() => broken?.content, { code: 'STORE_CORRUPT', input: 'a' });
  const [tombstone] = prepareReplicas([storedDocument<object>({ ...fields, delAt: 7 }, 'null')]);
  t.match(tombstone && stampReplica(stamper(), tombstone), { del: true, delAt: 7, content: null, body: 'null' });
});

t.test('a body that came with other content is not believed', async (t) => {
  const fields = { id: 'a', ver: v(5), org: OTHER, vv: null, slot: 1, n: 1, delAt: null };
  const doc = storedDocument<object>(fields, '{"x":1}');
  const [merged] = prepareReplicas([{ ...doc, content: { x: 2 } }]);
  t.same([merged?.body, merged?.content], ['{"x":2}', { x: 2 }]);
  const [deleted] = prepareReplicas([{ ...doc, content: null }]);
  t.same([deleted?.body, deleted?.content], ['null', null]);
});

t.test('half surrogate pairs become U+FFFD, in keys too', async (t) => {
  const content = { num: 0, 'k\ud800': ['\udc00x', '\\ud800', '\u{1f600}'] };
  const [edit] = prepareEdits('users', [{ id: 'a', content }]);
  const stamped = edit && stampEdit(stamper(), edit, { ...there, num: 3 }, 1);
  t.same(stamped?.content, { num: 3, 'k\ufffd': ['\ufffdx', '\\ud800', '\u{1f600}'] });
  t.equal(stamped?.body, canonicalJson(stamped?.content));
  t.ok(stamped?.body.isWellFormed());
});

t.test('a version that no clock made is refused', async (t) => {
  const bad = ['', 'zzz', '019aa5f1f200-0000-AAAAAAAA', `${v(5)}x`, 'ffffffffffff-0000-aaaaaaaa'];
  for (const ver of bad as Version[]) {
    const replica = { id: 'a', ver, org: OTHER, vv: null, delAt: null, content: {} };
    t.throws(() => prepareReplicas([replica]), { code: 'BATCH_INVALID' }, ver);
  }
});
