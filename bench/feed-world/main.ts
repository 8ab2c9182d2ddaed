/** The feed world as a process of its own: `node bench/feed-world/main.ts --help`. */
import { createWriteStream, writeFileSync } from 'node:fs';
import { codeOf } from '../../store/errors.ts';
import { readArguments, WORLD_HELP, type WorldArguments } from './arguments.ts';
import { serveWorld } from './server.ts';
import { makeWorld } from './world.ts';

/** How often the world's clock is moved where it moves by itself. */
const TICK_MS = 250;

try {
  const args = readArguments(process.argv.slice(2));
  if (args.help) process.stdout.write(WORLD_HELP);
  else await run(args);
} catch (error) {
  console.error(`${codeOf(error)}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = codeOf(error) === 'WORLD_OPTION_INVALID' ? 2 : 1;
}

async function run(args: WorldArguments): Promise<void> {
  const log = args.log === null ? null : createWriteStream(args.log, { flags: 'a' });
  const world = await serveWorld(makeWorld(args.world), {
    port: args.port,
    ...(log ? { onAccess: (access) => log.write(`${JSON.stringify(access)}\n`) } : {}),
  });
  if (args.opml !== null) writeFileSync(args.opml, world.opml());
  if (args.prepare) await world.prepare();
  const ticking = args.speed > 0 ? setInterval(() => world.advance(TICK_MS * args.speed), TICK_MS) : undefined;
  sayReady(args, world.feeds.length, world.control, world.feeds[0]?.url ?? '');

  let ending = false;
  const end = async (): Promise<void> => {
    if (ending) return;
    ending = true;
    clearInterval(ticking);
    await world.close();
    log?.end();
    if (args.withStdin) process.stdin.destroy();
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  if (args.withStdin) process.stdin.on('end', end).resume();
}

function sayReady(args: WorldArguments, feeds: number, control: string | null, firstFeed: string): void {
  if (args.json) console.log(JSON.stringify({ ready: true, feeds, control, opml: args.opml, firstFeed }));
  else console.log(`${feeds} feeds are served, the first at ${firstFeed}; control at ${control}stats`);
}
