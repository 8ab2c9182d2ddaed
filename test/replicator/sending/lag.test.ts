import t from 'tap';
import { Lag, writtenAt } from '../../../replicator/sending/lag.ts';
import type { SiteId } from '../../../store/contract.ts';
import { writeVersion } from '../../../store/version.ts';
import { NOON } from '../../contract/samples.ts';

t.test('percentiles are those of the last documents', async (t) => {
  const lag = new Lag();
  t.equal(lag.percentiles(), null);
  for (let ms = 1; ms <= 100; ms += 1) lag.add(ms);
  t.strictSame(lag.percentiles(), { p50: 50, p99: 99 });
  for (let i = 0; i < 1000; i += 1) lag.add(7);
  t.strictSame(lag.percentiles(), { p50: 7, p99: 7 }, 'older ones are forgotten');
});

t.test('a clock that jumped back makes no negative lag', async (t) => {
  const lag = new Lag();
  lag.add(-600_000);
  t.strictSame(lag.percentiles(), { p50: 0, p99: 0 });
});

t.test('a version tells when it was made', async (t) => {
  t.equal(writtenAt(writeVersion(NOON, 3, 'abcdefgh' as SiteId)), NOON);
});
