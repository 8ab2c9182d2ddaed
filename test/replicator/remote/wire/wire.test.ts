import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { DEFAULT_POLICIES } from '../../../../replicator/policy.ts';
import { readWireError, wireError } from '../../../../replicator/remote/wire/coded.ts';
import { decodeDigests, encodeDigests, readDigestQuery } from '../../../../replicator/remote/wire/digests.ts';
import { type FrameKind, pack, unpack } from '../../../../replicator/remote/wire/frame.ts';
import { DOCS_MAX, PART_BYTES_MAX, RAW_BYTES_MAX } from '../../../../replicator/remote/wire/limits.ts';
import { readHello } from '../../../../replicator/remote/wire/messages.ts';
import { decodePush, encodePush } from '../../../../replicator/remote/wire/push.ts';
import { decodeSums, encodeSums, rootDigest } from '../../../../replicator/remote/wire/sums.ts';
import { decodeVersions, encodeVersions } from '../../../../replicator/remote/wire/versions.ts';
import type { Push } from '../../../../replicator/target.ts';
import type { Replica, SiteId, Version, Versioned } from '../../../../store/contract.ts';
import { canonicalJson } from '../../../../store/envelope.ts';
import { CodedError } from '../../../../store/errors.ts';
import { testSchedules, testSeed } from '../../../contract/random.ts';
import { digest, hello, push, sums, versioned } from './made.ts';

const RUNS = testSchedules(150);

/** All that a receiver or a sender may see of bad bytes. */
const CODES = ['WIRE_DAMAGED', 'WIRE_TOO_LARGE', 'WIRE_VERSION'];

const zstd = promisify(zstdCompress);

async function holds<T>(t: Test, made: fc.Arbitrary<T>, check: (value: T) => Promise<void>): Promise<void> {
  const seed = testSeed();
  t.comment(`FEEDFERRY_TEST_SEED=${seed}`);
  await fc.assert(fc.asyncProperty(made, check), { seed, numRuns: RUNS });
}

/** Made-up objects have no prototype and any order of keys; neither is content. */
function same(t: Test, found: unknown, wanted: unknown): void {
  t.equal(canonicalJson(found), canonicalJson(wanted));
}

async function roundTrip(sent: Push): Promise<Push> {
  const [frame, ...more] = await encodePush(sent);
  if (!frame || more.length > 0) throw new Error('one frame was expected');
  return await decodePush(frame);
}

async function codeOfDecoding(decode: (frame: Buffer) => Promise<unknown>, frame: Buffer): Promise<string> {
  try {
    await decode(frame);
    return '';
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

function replicaOf(id: string, content: object | null): Replica<unknown> {
  const ver = '000000000001-0000-aaaaaaaa' as Version;
  return { id, ver, org: 'aaaaaaaa' as SiteId, vv: null, delAt: null, content, body: canonicalJson(content) };
}

function pushOf(docs: readonly Replica<unknown>[]): Push {
  return { database: 'articles', docs, checkpoint: null, caughtUp: false };
}

t.test('a push arrives as it was sent', (t) =>
  holds(t, push, async (sent) => void same(t, await roundTrip(sent), sent)),
);

t.test('the content is that of the body, whatever stood beside it', async (t) => {
  const sent = { ...replicaOf('a', { title: 'as hashed' }), content: { title: 'something else' } };
  const [got] = (await roundTrip(pushOf([sent]))).docs;
  t.strictSame(got?.content, { title: 'as hashed' });
});

t.test('a document without a body gets its canonical one', async (t) => {
  const { body, ...bare } = replicaOf('a', { z: 1, a: [1, { y: 2, b: 3 }] });
  const [got] = (await roundTrip(pushOf([bare]))).docs;
  t.equal(got?.body, '{"a":[1,{"b":3,"y":2}],"z":1}');
});

t.test('bucket sums arrive as they were, in the order of buckets', (t) =>
  holds(t, sums, async (sent) => {
    const inOrder = sent.toSorted((a, b) => a.b - b.b);
    same(t, await decodeSums(await encodeSums(sent)), inOrder);
    t.equal(rootDigest(sent), rootDigest(inOrder));
  }),
);

t.test('sums of 1 and of 100 million documents take less than 100 KB; other sums have another root', async (t) => {
  for (const count of [244, 24_400]) {
    const rows = Array.from({ length: 4096 }, (_, b) => ({
      ...{ b, count: count + (b % 7) },
      ...{
        s1: count * 2 ** 31 + b,
        s2: count * 2 ** 32 - b,
        s3: (count * 2 ** 32) / 3 + 0.5 - ((count * 2 ** 32) % 3) / 2,
      },
    })).map((row) => ({ ...row, s3: Math.floor(row.s3) }));
    const frame = await encodeSums(rows);
    t.ok(frame.length < 100_000, `${frame.length} bytes`);
    t.strictSame(await decodeSums(frame), rows);
    const other = rows.map((row) => (row.b === 4095 ? { ...row, s3: row.s3 + 1 } : row));
    t.not(rootDigest(other), rootDigest(rows));
  }
});

t.test('digests arrive as they were', (t) =>
  holds(
    t,
    fc.record({ digests: fc.array(digest, { maxLength: 50 }), cursor: fc.option(fc.string()) }),
    async (page) => {
      same(t, await decodeDigests(await encodeDigests(page)), page);
    },
  ),
);

t.test('versions arrive as they are, and ids without a document are answered too', (t) =>
  holds(t, fc.uniqueArray(versioned, { selector: ({ id }) => id, maxLength: 12 }), async (documents) => {
    const there = new Map(documents.map((one) => [one.id, one]));
    const ids = ['nobody', ...there.keys()];
    const frame = await encodeVersions(ids, async (some) => pick(there, some));
    same(t, await decodeVersions(frame), { answered: ids.length, found: documents });
  }),
);

function pick(there: ReadonlyMap<string, Versioned<unknown>>, ids: readonly string[]): Map<string, Versioned<unknown>> {
  return new Map(ids.flatMap((id) => (there.has(id) ? [[id, there.get(id) as Versioned<unknown>] as const] : [])));
}

t.test('any damage to a frame gives a coded error', (t) => {
  const made = fc.record({
    push,
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    bits: fc.integer({ min: 1, max: 255 }),
  });
  return holds(t, made, async ({ push: sent, at, bits }) => {
    const [frame = Buffer.alloc(0)] = await encodePush(sent);
    const hit = Buffer.from(frame);
    const place = Math.floor(at * hit.length);
    hit[place] = (hit[place] ?? 0) ^ bits;
    t.ok(CODES.includes(await codeOfDecoding(decodePush, hit)), `byte ${place} of ${hit.length}`);
    t.equal(await codeOfDecoding(decodePush, frame.subarray(0, place)), 'WIRE_DAMAGED', `cut after ${place}`);
    t.equal(
      await codeOfDecoding(decodePush, Buffer.concat([frame, hit.subarray(0, bits)])),
      'WIRE_DAMAGED',
      'followed by more',
    );
  });
});

t.test('damage below an intact frame gives a coded error too: whatever a sender may pack', (t) => {
  const made = fc.record({
    ...{ push, at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }) },
    patch: fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.string({ maxLength: 8 }).map((text) => Buffer.from(text)),
    ),
    removed: fc.nat({ max: 20 }),
  });
  return holds(t, made, async ({ push: sent, at, patch, removed }) => {
    const [frame = Buffer.alloc(0)] = await encodePush(sent);
    const raw = await unpack('push', frame);
    const place = Math.floor(at * raw.length);
    const bad = Buffer.concat([raw.subarray(0, place), patch, raw.subarray(place + removed)]);
    const packed = await pack('push', bad);
    const code = await codeOfDecoding(decodePush, packed);
    // What still reads is whole as far as documents go: their words fit.
    t.ok(code === '' || CODES.includes(code), code);
  });
});

t.test('arbitrary bytes give a coded error, of every kind of frame', (t) => {
  const decoders: Readonly<Record<FrameKind, (frame: Buffer) => Promise<unknown>>> = {
    ...{ push: decodePush, sums: decodeSums, digests: decodeDigests, versions: decodeVersions },
  };
  return holds(t, fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
    for (const [kind, decode] of Object.entries(decoders) as [FrameKind, (frame: Buffer) => Promise<unknown>][]) {
      t.ok(CODES.includes(await codeOfDecoding(decode, Buffer.from(bytes))), `${kind}, as a frame`);
      const packed = await pack(kind, Buffer.from(bytes));
      t.ok(CODES.includes(await codeOfDecoding(decode, packed)), `${kind}, as a payload`);
    }
  });
});

t.test('a document whose text was changed on the way is noticed, though the frame is intact', async (t) => {
  const [frame = Buffer.alloc(0)] = await encodePush(pushOf([replicaOf('a', { title: 'Hello' })]));
  const raw = (await unpack('push', frame)).toString();
  for (const [from, to] of [
    ['Hello', 'Hallo'],
    ['000000000001-0000', '000000000002-0000'],
    ['{"title":"Hello"}', 'null'],
  ] as const) {
    t.ok(raw.includes(from));
    const bad = await pack('push', Buffer.from(raw.replace(from, to)));
    t.equal(await codeOfDecoding(decodePush, bad), 'WIRE_DAMAGED', `${from} -> ${to}`);
  }
});

t.test('a bomb is given up before it takes memory', async (t) => {
  const bomb = await zstd(Buffer.alloc(200 * 1024 * 1024));
  t.ok(bomb.length < 100_000, `${bomb.length} bytes of it`);
  const announced = frameOf(bomb, RAW_BYTES_MAX + 1);
  t.equal(await codeOfDecoding(decodePush, announced), 'WIRE_TOO_LARGE', 'says what it is');
  const before = process.memoryUsage().rss;
  t.equal(await codeOfDecoding(decodePush, frameOf(bomb, 1000)), 'WIRE_TOO_LARGE', 'says that it is small');
  t.ok(process.memoryUsage().rss - before < 100e6, 'it was not unpacked');
});

/** A push frame with a fitting checksum around any payload. */
function frameOf(payload: Buffer, rawBytes: number): Buffer {
  const head = Buffer.alloc(16);
  head.write('FFW1\x01\x01', 'latin1');
  head.writeUInt32BE(rawBytes, 8);
  head.writeUInt32BE(payload.length, 12);
  const sum = hash('sha256', Buffer.concat([head, payload]), 'buffer').subarray(0, 16);
  return Buffer.concat([head, sum, payload]);
}

t.test('a frame of another version of the protocol says so', async (t) => {
  const [frame = Buffer.alloc(0)] = await encodePush(pushOf([]));
  frame.write('FFW2', 'latin1');
  t.equal(await codeOfDecoding(decodePush, frame), 'WIRE_VERSION');
  t.equal(await codeOfDecoding(decodeSums, (await encodePush(pushOf([])))[0] ?? frame), 'WIRE_DAMAGED', 'another kind');
});

t.test('too many documents, or too large ones, go as several frames, the checkpoint with the last', async (t) => {
  const checkpoint = { session: 's', vector: { 1: 5 }, seed: {}, history: [], at: 1 };
  const many = Array.from({ length: DOCS_MAX + 1 }, (_, i) => replicaOf(`a${i}`, { i }));
  const large = Array.from({ length: 4 }, (_, i) =>
    replicaOf(`b${i}`, { text: 'x'.repeat(PART_BYTES_MAX / 2 - 1000 + i) }),
  );
  for (const [docs, expected] of [
    [many, [DOCS_MAX, 1]],
    [large, [2, 2]],
  ] as const) {
    const frames = await encodePush({ database: 'feeds', docs, checkpoint, caughtUp: true });
    const pushes = await Promise.all(frames.map(decodePush));
    t.strictSame(
      pushes.map((one) => one.docs.length),
      expected,
    );
    t.strictSame(
      pushes.flatMap((one) => one.docs),
      docs,
    );
    t.strictSame(
      pushes.map((one) => [one.checkpoint, one.caughtUp]),
      [
        [null, false],
        [checkpoint, true],
      ],
    );
  }
});

t.test('versions that do not fit into one frame are asked for again', async (t) => {
  const large = Array.from({ length: 4 }, (_, i) => {
    const text = 'x'.repeat(PART_BYTES_MAX / 2 - 1000);
    return { ...replicaOf(`b${i}`, { text }), slot: 1, n: i + 1 } as Versioned<unknown>;
  });
  const there = new Map(large.map((one) => [one.id, one]));
  const { answered, found } = await decodeVersions(
    await encodeVersions([...there.keys()], async (ids) => pick(there, ids)),
  );
  t.equal(answered, 2);
  t.strictSame(
    found.map(({ id }) => id),
    ['b0', 'b1'],
  );
});

t.test('content that is nested too deep, too large or no object is refused', async (t) => {
  const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const huge = `{"a":"${'x'.repeat(8 * 1024 * 1024)}"}`;
  for (const [body, code] of [
    [deep, 'BATCH_INVALID'],
    [huge, 'BATCH_INVALID'],
    ['[1]', 'WIRE_DAMAGED'],
    ['{"a":', 'WIRE_DAMAGED'],
  ] as const) {
    const [frame = Buffer.alloc(0)] = await encodePush(pushOf([{ ...replicaOf('a', { a: 1 }), body }]));
    t.equal(await codeOfDecoding(decodePush, frame), code, body.slice(0, 10));
  }
});

t.test('errors cross the wire with all they say; what is no coded error says nothing of its inside', async (t) => {
  const error = new CodedError('STORE_FULL', 'No room.', { input: 'x', advice: 'Make room.', retryable: true });
  const there = readWireError(JSON.parse(JSON.stringify(wireError(error))));
  t.ok(there instanceof CodedError);
  t.strictSame(there.toJSON(), error.toJSON());
  t.match(wireError(new Error('/secret/path')), { code: 'RECEIVER_FAILED', message: /log/ });
  t.throws(() => readWireError({ code: 'x' }), { code: 'WIRE_DAMAGED' });
});

t.test('a hello comes out as it was written, whatever is left unsaid', async (t) => {
  await holds(t, hello, async (sent) => same(t, readHello(JSON.parse(JSON.stringify(sent))), sent));
});

t.test('a hello and a question are read as strictly as documents', async (t) => {
  const said = { session: 's', site: 'ssssssss', epoch: 0, direction: 'one-way', databases: [], adopt: false };
  const whole = { ...said, policies: DEFAULT_POLICIES, docsToDo: 0 };
  t.throws(() => readHello({ ...whole, fromOnly: { nothing: null } }), { code: 'WIRE_DAMAGED' });
  t.throws(() => readHello({ ...whole, fromOnly: { users: { session: 's' } } }), { code: 'WIRE_DAMAGED' });
  t.throws(() => readHello({ session: 's', site: 'no site', epoch: 0 }), { code: 'WIRE_DAMAGED' });
  t.throws(() => readDigestQuery({ buckets: [4096], limit: 1 }), { code: 'WIRE_DAMAGED' });
  t.throws(() => readDigestQuery({ ids: Array(10_001).fill('a'), limit: 1 }), { code: 'WIRE_TOO_LARGE' });
  t.strictSame(readDigestQuery({ limit: 1e9, deep: true, other: 1 }), { limit: 10_000, deep: true });
});
