import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { BODIES_MAX, BODY_BYTES_MAX, BodiesInFlight, type PlacedBody } from '../../crawler/bodies-in-flight.ts';

const bytes = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value);

/** What has found room by now. */
function placing(bodies: BodiesInFlight, sizes: readonly number[]): PlacedBody[] {
  const placed: PlacedBody[] = [];
  for (const [i, size] of sizes.entries()) void bodies.place(bytes(size, i + 1)).then((body) => placed.push(body));
  return placed;
}

t.test('so many bodies have room at once; the next waits until one is released', async (t) => {
  const bodies = new BodiesInFlight();
  const placed = placing(bodies, Array(BODIES_MAX + 2).fill(100));
  await turn();
  t.equal(placed.length, BODIES_MAX);
  placed[3]?.release();
  await turn();
  t.equal(placed.length, BODIES_MAX + 1);
  t.same([...(placed.at(-1)?.bytes ?? [])], [...bytes(100, BODIES_MAX + 1)]);
});

t.test('bytes are bounded too; what is larger than all of it has room alone, and nobody overtakes it', async (t) => {
  const bodies = new BodiesInFlight();
  const placed = placing(bodies, [BODY_BYTES_MAX / 2, BODY_BYTES_MAX * 3, 10, 10]);
  await turn();
  t.same(
    placed.map((body) => body.bytes.length),
    [BODY_BYTES_MAX / 2],
  );
  placed[0]?.release();
  await turn();
  t.equal(placed.length, 2);
  placed[1]?.release();
  await turn();
  t.equal(placed.length, 4);
});

t.test('memory is used again, with nothing of the last body in it', async (t) => {
  const bodies = new BodiesInFlight();
  const first = await bodies.place(bytes(5_000, 7));
  t.ok(first.bytes.buffer instanceof SharedArrayBuffer);
  first.release();
  const second = await bodies.place(bytes(40, 9));
  t.equal(second.bytes.buffer, first.bytes.buffer);
  t.same([...second.bytes], [...bytes(40, 9)]);
});
