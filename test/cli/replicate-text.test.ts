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
  return /^ {2}behind +(.*)$/m.exec(statusText([shown], 80, 0))?.[1];
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
