import t from 'tap';
import { storeContract } from '../../contract/store.ts';
import { mongodbUrl } from '../../rig/mongodb.ts';
import { skipLoudly } from '../../rig/skip.ts';
import { mongodbEngine } from './engine.ts';

t.test('MongoDB keeps the store contract', async (t) => {
  const server = await mongodbUrl();
  if ('skip' in server) return skipLoudly(t, server.skip);
  await storeContract(t, mongodbEngine(server.url));
});
