/**
 * A process that runs one test server until its standard input ends, that is until whoever started it is gone, however
 * that happened. Usage: `node serve.ts mongodb|redis`. Prints one JSON line, `{"url", "engine"}` or `{"skip"}`;
 * progress goes to stderr.
 */
import { startDaemon } from './daemon.ts';
import { documentDbObstacle, makeDocumentDb, startDocumentDb } from './documentdb.ts';
import { startGateway } from './gateway.ts';
import { findOnPath } from './programs.ts';

type Started = { readonly url: string; readonly engine: string; stop(): Promise<void> } | { readonly skip: string };

async function startMongodb(): Promise<Started> {
  const mongod = findOnPath('mongod');
  if (mongod !== undefined) {
    const server = await startDaemon(mongod, (port, folder) => {
      const log = ['--quiet', '--logpath', `${folder}/log`];
      return ['--dbpath', folder, '--port', String(port), '--bind_ip', '127.0.0.1', ...log];
    });
    return { url: `mongodb://127.0.0.1:${server.port}`, engine: `mongod (${mongod})`, stop: server.stop };
  }
  const obstacle = documentDbObstacle();
  if (obstacle !== undefined) return { skip: `no mongod on the PATH, and ${obstacle}` };
  const database = await startDocumentDb(await makeDocumentDb((line) => console.error(`  ${line}`)));
  const gateway = await startGateway(database.folder);
  const stop = async (): Promise<void> => {
    await gateway[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  };
  return { url: gateway.url, engine: 'DocumentDB on PostgreSQL, behind the gateway of test/rig', stop };
}

async function startRedis(): Promise<Started> {
  const redis = findOnPath('redis-server');
  if (redis === undefined) return { skip: 'no redis-server on the PATH' };
  const server = await startDaemon(redis, (port, folder) => {
    const keepNothing = ['--save', '', '--appendonly', 'no', '--dir', folder];
    return ['--port', String(port), '--bind', '127.0.0.1', ...keepNothing];
  });
  return { url: `redis://127.0.0.1:${server.port}`, engine: `redis-server (${redis})`, stop: server.stop };
}

async function start(kind: string | undefined): Promise<Started> {
  try {
    return await (kind === 'redis' ? startRedis() : startMongodb());
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(message);
    return { skip: message.split('\n', 1).join() };
  }
}

// Ctrl-C reaches every process of a terminal; the server outlives those who still use it.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
const started = await start(process.argv[2]);
if ('skip' in started) {
  console.log(JSON.stringify({ skip: started.skip }));
  process.exit(0);
}
console.log(JSON.stringify({ url: started.url, engine: started.engine }));
process.stdin.resume();
process.stdin.once('close', async () => {
  await started.stop();
  process.exit(0);
});
