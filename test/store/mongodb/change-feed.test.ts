import t from 'tap';
import { changeFeedContract } from '../../contract/change-feed.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { mongodbEngine } from './engine.ts';

t.test('MongoDB keeps the change feed contract', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  await changeFeedContract(t, mongodbEngine(server.url));
});
