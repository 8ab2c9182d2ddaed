/**
 * A process that runs a MongoDB-compatible server until its standard input ends, that is until whoever started it is
 * gone, however that happened. Prints one JSON line, `{"url": ...}` or `{"skip": ...}`; progress goes to stderr.
 */
import { documentDbObstacle, makeDocumentDb, startDocumentDb } from './documentdb.ts';
import { startGateway } from './gateway.ts';
import { startMongod } from './mongod.ts';
import { findOnPath } from './programs.ts';

type Started = { readonly url: string; stop(): Promise<void> } | { readonly skip: string };

async function start(): Promise<Started> {
  const mongod = findOnPath('mongod');
  if (mongod !== undefined) {
    const server = await startMongod(mongod);
    return { url: server.url, stop: async () => server[Symbol.asyncDispose]() };
  }
  const obstacle = documentDbObstacle();
  if (obstacle !== undefined) return { skip: `no mongod on the PATH, and ${obstacle}` };
  const database = await startDocumentDb(await makeDocumentDb((line) => console.error(`  ${line}`)));
  const gateway = await startGateway(database.folder);
  return {
    url: gateway.url,
    async stop() {
      await gateway[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

const started = await start().catch((error: unknown): Started => ({ skip: String(error) }));
console.log(JSON.stringify('url' in started ? { url: started.url } : started));
if ('stop' in started) {
  // Ctrl-C goes to the whole group; the server is to outlive those who still use it.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => process.stdin.destroy());
  process.stdin.resume();
  process.stdin.once('close', async () => {
    await started.stop();
    process.exit(0);
  });
}
