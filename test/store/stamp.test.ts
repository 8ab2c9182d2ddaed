import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { SiteId, Version } from '../../store/contract.ts';
import { canonicalJson, fingerprints } from '../../store/envelope.ts';
import { isStale, passes, prepareEdits, prepareReplicas, stampEdit, stampReplica } from '../../store/stamp.ts';
import { VersionClock, writeVersion } from '../../store/version.ts';

const SITE = 'aaaaaaaa' as SiteId;
const OTHER = 'zzzzzzzz' as SiteId;
const NOON = Date.UTC(2025, 10, 21, 12);
const v = (ms: number) => writeVersion(ms, 0, OTHER);
const stamper = () => ({ site: SITE, clock: () => NOON, versions: new VersionClock(SITE, () => NOON) });
const there = { ver: v(5), vv: null, del: false, num: 0 };

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
