import fc from 'fast-check';
import t from 'tap';
import type { SiteId, Version } from '../../store/contract.ts';
import { readVersion, VersionClock, writeVersion } from '../../store/version.ts';

const SITE = 'aaaaaaaa' as SiteId;
const OTHER = 'zzzzzzzz' as SiteId;
const times = fc.integer({ min: 0, max: 2 ** 44 });

t.test('versions rise as text, whatever the clock does, and above all that was observed', async (t) => {
  const step = fc.record({ now: times, observed: fc.option(times, { nil: null }) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 50 }), (steps) => {
      let now = 0;
      const clock = new VersionClock(SITE, () => now);
      let greatest = '';
      for (const { now: at, observed } of steps) {
        now = at;
        if (observed !== null) {
          const seen = writeVersion(observed, observed % 7, OTHER);
          clock.observe(seen);
          if (seen > greatest) greatest = seen;
        }
        const next = clock.next();
        if (!(next > greatest)) throw new Error(`${next} after ${greatest}`);
        greatest = next;
      }
    }),
  );
  t.pass();
});

t.test('versions keep to the wall clock where it moves on', async (t) => {
  let now = 5_000;
  const clock = new VersionClock(SITE, () => now);
  t.equal(clock.next(), '000000001388-0000-aaaaaaaa');
  t.equal(clock.next(), '000000001388-0001-aaaaaaaa');
  now = 5_001;
  t.equal(clock.next(), '000000001389-0000-aaaaaaaa');
});

t.test('a burst within one millisecond borrows the next ones', async (t) => {
  const clock = new VersionClock(SITE, () => 5_000);
  let last = '' as Version;
  for (let i = 0; i < 100_000; i += 1) {
    const next = clock.next();
    if (next <= last) t.fail(`${next} after ${last}`);
    last = next;
  }
  t.ok(readVersion(last).ms > 5_000);
});

t.test('of two versions the later one is greater, then the counter, then the site', async (t) => {
  const order = [
    writeVersion(1, 0, OTHER),
    writeVersion(1, 1, SITE),
    writeVersion(1, 1, OTHER),
    writeVersion(16, 0, SITE),
    writeVersion(2 ** 40, 0, SITE),
  ];
  t.same(order.toSorted(), order);
});

t.test('a version reads back', async (t) => {
  fc.assert(
    fc.property(times, fc.nat({ max: 0xffff }), (ms, counter) => {
      const read = readVersion(writeVersion(ms, counter, SITE));
      return read.ms === ms && read.counter === counter && read.site === SITE;
    }),
  );
  t.pass();
});
