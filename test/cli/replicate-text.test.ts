import t from 'tap';
import { statusText } from '../../cli/replicate-text.ts';
import type { DestinationStatus } from '../../replicator/status.ts';

const STATUS: DestinationStatus = {
  ...{ name: 'oslo', url: 'https://oslo.example.org', direction: 'one-way', state: 'tailing', why: 'Up to date.' },
  ...{ since: 0, retryAt: null, databases: [], docs: 0, bytes: 0, docsToDo: 0, docsPerSecond: 0, bytesPerSecond: 0 },
  ...{ etaMs: null, lagMs: null, behindMs: 0, conflicts: 0, aside: 0, retries: 0, lastError: null },
  limits: { docsPerSecondMax: null, bytesPerSecondMax: null, batchDocs: 200, concurrency: 4 },
  throttle: 'nothing',
};

function behind(over: Partial<DestinationStatus>): string | undefined {
  const shown = { status: { ...STATUS, ...over }, process: { pid: 1, host: 'h' }, reseeds: 0, at: 0 };
  return /^ {2}behind +(.*)$/m.exec(statusText([shown], 80, 0, new Set()))?.[1];
}

t.test('only a destination that was reached is called up to date', async (t) => {
  const lastError = { code: 'STORE_GONE', message: 'It is gone.', at: 0 };
  t.equal(behind({}), '0 documents, up to date');
  t.equal(behind({ lastError }), '0 documents, up to date');
  t.equal(behind({ state: 'connecting' }), 'not known yet');
  t.equal(behind({ state: 'stopped', lastError }), 'not known yet');
  t.equal(behind({ state: 'waiting', lastError, docsToDo: 5, behindMs: 2000 }), '5 documents, 2 s');
  t.equal(behind({ state: 'stopped', lastError, docsToDo: 1600 }), '1,600 documents');
});

t.test('what nobody works on says who would: serve, or the command that began it', async (t) => {
  const text = (over: Partial<DestinationStatus>, now: number, kept: readonly string[]) => {
    const shown = { status: { ...STATUS, ...over }, process: { pid: 1, host: 'h' }, reseeds: 0, at: 0 };
    return statusText([shown], 80, now, new Set(kept));
  };
  t.match(text({}, 1_000, ['oslo']), /tailing\n {2}why +Up to date\./);
  t.match(text({}, 60_000, ['oslo']), /nobody works on it.*\n {2}why +start `feedferry serve`\n/);
  t.match(text({}, 60_000, []), /why +run the same `feedferry replicate` again, .*replicate\s+remove oslo`/s);
  const stopped = { state: 'stopped', why: 'Stopped.' } as const;
  t.match(text(stopped, 10_000, ['oslo']), /stopped\n {2}why +Stopped\./, 'serve takes it up by itself');
  t.match(text(stopped, 60_000, ['oslo']), /nobody works on it/);
  t.match(text(stopped, 60_000, []), /stopped\n {2}why +Stopped\./, 'that one had done its work');
});
