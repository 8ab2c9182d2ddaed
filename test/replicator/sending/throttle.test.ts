import t from 'tap';
import { Pace, TokenBucket } from '../../../replicator/sending/throttle.ts';

t.test('a token bucket lets through its rate, however large the batches are', async (t) => {
  for (const batch of [1, 20, 500]) {
    const bucket = new TokenBucket(1000, 0);
    let now = 0;
    let sent = 0;
    while (now < 60_000) {
      const waitMs = bucket.waitMs(now);
      if (waitMs > 0) {
        now += waitMs;
      } else {
        bucket.spend(batch, now);
        sent += batch;
      }
    }
    t.ok(sent >= 59_500 && sent <= 60_000 + 200 + batch, `${sent} in a minute, in batches of ${batch}`);
  }
});

t.test('a changed rate counts from that moment on', async (t) => {
  const bucket = new TokenBucket(10, 0);
  bucket.spend(102, 0);
  t.equal(bucket.waitMs(0), 10_000, 'two were in the bucket, so a hundred is the debt');
  bucket.setRate(1000, 0);
  t.equal(bucket.waitMs(0), 100, 'a higher rate pays the debt sooner');
  bucket.setRate(null, 50);
  t.equal(bucket.waitMs(50), 0);
  bucket.spend(1e6, 50);
  t.equal(bucket.waitMs(50), 0, 'without a limit nothing is owed');
  bucket.setRate(5, 60);
  t.equal(bucket.waitMs(60), 0, 'and what was sent before does not count');
  bucket.spend(2, 60);
  t.equal(bucket.waitMs(60), 200);
});

t.test('a bucket that was idle for long gives no more than a short burst', async (t) => {
  const bucket = new TokenBucket(1000, 0);
  bucket.spend(200, 3_600_000);
  t.equal(bucket.waitMs(3_600_000), 0);
  bucket.spend(1, 3_600_000);
  t.equal(bucket.waitMs(3_600_000), 1);
});

const CONCURRENCY = 4;

/** Samples of batches of 200 documents, each a tenth of a second after the one before. */
function feed(pace: Pace, from: number, count: number, readMs: number, appliedMs = 10): number {
  let now = from;
  for (let i = 0; i < count; i += 1) {
    now += 100;
    pace.read(200, readMs, CONCURRENCY, now);
    pace.applied(200, appliedMs, CONCURRENCY, now);
  }
  return now;
}

t.test('ends that are as fast as usual are not slowed down', async (t) => {
  const pace = new Pace();
  let now = feed(pace, 0, 100, 10);
  for (let i = 0; i < 200; i += 1) now = feed(pace, now, 1, 5 + (i % 20), 8 + ((i * 7) % 25));
  t.equal(pace.reason, 'nothing');
  t.equal(pace.batchesOf(CONCURRENCY), CONCURRENCY);
  t.equal(pace.pauseMs, 0);
});

t.test(
  'a source that gets slow gets less to do, in the end with pauses, and all of it back when it is well',
  async (t) => {
    const pace = new Pace();
    let now = feed(pace, 0, 50, 10);
    now = feed(pace, now, 10, 400);
    t.equal(pace.reason, 'source');
    t.ok(pace.batchesOf(CONCURRENCY) < CONCURRENCY, 'fewer at a time');
    now = feed(pace, now, 60, 400);
    t.equal(pace.batchesOf(CONCURRENCY), 1);
    t.ok(pace.pauseMs >= 100 && pace.pauseMs <= 1000, `pauses of ${pace.pauseMs} ms`);
    now = feed(pace, now, 200, 10);
    t.equal(pace.reason, 'nothing');
    t.equal(pace.pauseMs, 0);
    t.equal(pace.batchesOf(CONCURRENCY), CONCURRENCY);
  },
);

t.test('a destination that gets slow is told apart from the source', async (t) => {
  const pace = new Pace();
  const now = feed(pace, 0, 50, 10, 20);
  feed(pace, now, 30, 10, 900);
  t.equal(pace.reason, 'destination');
});

t.test('pages of a few documents say nothing about load', async (t) => {
  const pace = new Pace();
  let now = feed(pace, 0, 50, 10);
  for (let i = 0; i < 100; i += 1) {
    now += 100;
    pace.read(1, 30, CONCURRENCY, now);
    pace.applied(2, 50, CONCURRENCY, now);
  }
  t.equal(pace.reason, 'nothing');
});
