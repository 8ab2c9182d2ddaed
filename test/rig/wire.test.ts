import { deserialize, serialize } from 'bson';
import fc from 'fast-check';
import t from 'tap';
import { collectionOf, MESSAGE_BYTES_MAX, MessageSplitter, namespaceOf, readRequest, writeReply } from './wire.ts';

/** An OP_MSG as a driver writes it. */
function message(id: number, command: object, sequences: Record<string, object[]> = {}, flags = 0): Buffer {
  const parts = [Buffer.from([0]), serialize(command)];
  for (const [name, documents] of Object.entries(sequences)) {
    const content = Buffer.concat([Buffer.from(`${name}\0`), ...documents.map((document) => serialize(document))]);
    const length = Buffer.alloc(4);
    length.writeInt32LE(content.length + 4);
    parts.push(Buffer.from([1]), length, content);
  }
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(20);
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(id, 4);
  head.writeInt32LE(2013, 12);
  head.writeUInt32LE(flags, 16);
  return Buffer.concat([head, body]);
}

t.test('messages come out whole, however the stream was cut', async (t) => {
  const stream = Buffer.concat([1, 2, 3].map((id) => message(id, { ping: id, filler: 'x'.repeat(id * 40) })));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: stream.length })), (cuts) => {
      const splitter = new MessageSplitter();
      const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const messages = edges.slice(1).flatMap((end, at) => splitter.push(stream.subarray(edges[at], end)));
      return messages.map((found) => readRequest(found).command.ping).join() === '1,2,3';
    }),
  );
  t.pass();
});

t.test('a length that no message has ends the connection', async (t) => {
  for (const length of [0, 15, -1, MESSAGE_BYTES_MAX + 1]) {
    const head = Buffer.alloc(16);
    head.writeInt32LE(length);
    t.throws(() => new MessageSplitter().push(head), /bytes/);
  }
});

t.test('a request tells its command, its database and its documents', async (t) => {
  const request = readRequest(message(7, { insert: 'docs', $db: 'here' }, { documents: [{ _id: 1 }, { _id: 2 }] }));
  t.match(request, { id: 7, name: 'insert', database: 'here', wantsReply: true, legacy: false });
  t.equal(collectionOf(request), 'docs');
  t.equal(namespaceOf(request), 'here.docs');
  t.strictSame(
    Buffer.from(request.sequences.get('documents') ?? []),
    Buffer.concat([serialize({ _id: 1 }), serialize({ _id: 2 })]),
  );
});

t.test('a request may want no reply', async (t) => {
  t.equal(readRequest(message(1, { ping: 1 }, {}, 2)).wantsReply, false);
});

t.test('another opcode is refused', async (t) => {
  const old = message(1, { ping: 1 });
  old.writeInt32LE(2001, 12);
  t.throws(() => readRequest(old), /opcode 2001/);
});

t.test('a reply names its request and carries the document', async (t) => {
  const reply = writeReply(readRequest(message(9, { ping: 1 })), serialize({ ok: 1 }));
  t.equal(reply.readInt32LE(0), reply.length);
  t.equal(reply.readInt32LE(8), 9);
  t.equal(reply.readInt32LE(12), 2013);
  t.strictSame(deserialize(reply.subarray(21)), { ok: 1 });
});
