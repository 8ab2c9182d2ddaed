/** A digesting thread that hangs or dies over some bodies, and reads the others as `digest-thread.ts` does. */
import { parentPort } from 'node:worker_threads';
import type { ToThread } from '../../crawler/digest-thread.ts';

parentPort?.on('message', (message: ToThread) => {
  const body = message.kind === 'digest' ? Buffer.from(message.input.body).toString() : '';
  if (body === 'hang') for (;;);
  if (body === 'die') process.exit(7);
});
// Its listener comes second, so that it never hears of what this one did not survive.
await import('../../crawler/digest-thread.ts');
