/** Arbitrary documents, pushes and sums, for fast-check. */
import fc from 'fast-check';
import type { Checkpoint } from '../../../../replicator/checkpoint.ts';
import { DEFAULT_POLICIES } from '../../../../replicator/policy.ts';
import type { Hello, Push } from '../../../../replicator/target.ts';
import type { BucketSum, Digest, Replica, SiteId, Version, Versioned } from '../../../../store/contract.ts';
import { DATABASE_NAMES } from '../../../../store/documents.ts';
import { canonicalJson } from '../../../../store/envelope.ts';

const LETTERS = [...'abcdefghijklmnopqrstuvwxyz0123456789'];

const site = fc.string({ unit: fc.constantFrom(...LETTERS), minLength: 8, maxLength: 8 }) as fc.Arbitrary<SiteId>;
const clock = fc
  .tuple(fc.integer({ min: 0, max: 0x7fff_ffff }), fc.integer({ min: 0, max: 0xffff }))
  .map(([ms, counter]) => `${ms.toString(16).padStart(12, '0')}-${counter.toString(16).padStart(4, '0')}`);
export const version = fc.tuple(clock, site).map(([at, by]) => `${at}-${by}` as Version);

const text = fc.string({ unit: 'binary', maxLength: 200 }).map((one) => one.toWellFormed());
const id = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter((one) => one.isWellFormed() && Buffer.byteLength(one) <= 512);

/** What `JSON.parse` gives back: no -0, no `undefined`. */
const json = fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const content = fc
  .dictionary(fc.string({ maxLength: 10 }), fc.oneof(json, text), { maxKeys: 8 })
  .map((value) => JSON.parse(JSON.stringify(value)) as object);

const vv = fc.option(fc.dictionary(site, clock, { maxKeys: 4 }).map((value) => ({ ...value })));
const time = fc.integer({ min: -1e12, max: 2e12 });

const envelope = fc
  .record({ id, ver: version, org: site, vv, at: time, content: fc.option(content, { freq: 6 }) })
  .map(({ at, ...rest }) => ({
    ...{ ...rest, delAt: rest.content === null ? at : null },
    body: canonicalJson(rest.content),
  }));

const condition = fc.record({ ifVer: fc.option(version), heal: fc.boolean() }, { requiredKeys: [] }) as fc.Arbitrary<
  Pick<Replica<unknown>, 'ifVer' | 'heal'>
>;

export const replica: fc.Arbitrary<Replica<unknown>> = fc.tuple(envelope, condition).map(([a, b]) => ({ ...a, ...b }));

export const versioned: fc.Arbitrary<Versioned<unknown>> = fc
  .tuple(envelope, fc.nat({ max: 1000 }), fc.maxSafeNat())
  .map(([document, slot, n]) => ({ ...document, slot, n }));

const vector = fc
  .dictionary(fc.nat({ max: 999 }).map(String), fc.maxSafeNat(), { maxKeys: 5 })
  .map((one) => ({ ...one }));

export const checkpoint: fc.Arbitrary<Checkpoint> = fc.record({
  session: fc.string({ maxLength: 30 }),
  vector,
  seed: vector,
  history: fc.array(fc.record({ session: fc.string({ maxLength: 30 }), vector, at: time }), { maxLength: 20 }),
  at: time,
});

/** With or without what only some sources say, and older ones never do. */
export const hello: fc.Arbitrary<Hello> = fc.record(
  {
    ...{ session: fc.string({ maxLength: 30 }), site, epoch: fc.maxSafeNat(), adopt: fc.boolean() },
    ...{ direction: fc.constantFrom('one-way' as const, 'two-way' as const), policies: fc.constant(DEFAULT_POLICIES) },
    ...{ databases: fc.subarray([...DATABASE_NAMES]), docsToDo: fc.maxSafeNat(), only: site, follows: site },
    fromOnly: fc.dictionary(fc.constantFrom(...DATABASE_NAMES), fc.option(checkpoint)),
    isRepair: fc.constant(true),
  },
  { requiredKeys: ['session', 'site', 'epoch', 'adopt', 'direction', 'policies', 'databases', 'docsToDo'] },
) as fc.Arbitrary<Hello>;

export const push: fc.Arbitrary<Push> = fc.record({
  database: fc.constantFrom(...DATABASE_NAMES),
  docs: fc.array(replica, { maxLength: 12 }),
  checkpoint: fc.option(checkpoint),
  caughtUp: fc.boolean(),
});

const word = fc.integer({ min: 0, max: 0xffff_ffff });

export const digest: fc.Arbitrary<Digest> = fc.record({
  ...{ id, ver: version, deleted: fc.boolean(), slot: fc.nat(), n: fc.maxSafeNat() },
  ...{ h1: word, h2: word, h3: word, sound: fc.option(fc.boolean()) },
});

const sum = fc.oneof(fc.nat(), fc.maxSafeNat());

export const sums: fc.Arbitrary<BucketSum[]> = fc.uniqueArray(
  fc.record({ b: fc.nat({ max: 4095 }), count: fc.integer({ min: 1, max: 1e6 }), s1: sum, s2: sum, s3: sum }),
  { selector: ({ b }) => b, maxLength: 300 },
);
