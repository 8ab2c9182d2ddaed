import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { treeCpuSeconds } from '../measure/proc.ts';

/** A PostgreSQL server with an empty database `miniflux`, for one run. */
export interface PeerDatabase extends AsyncDisposable {
  /** As Miniflux inside the chroot says it. */
  readonly url: string;
  readonly version: string;
  cpuSeconds(): number;
  count(table: 'feeds' | 'entries'): Promise<number>;
  /** Gives every feed an icon, so that Miniflux does not look for one: Feedferry does not either. */
  giveIcons(): Promise<void>;
}

const RUN_SCRIPT = join(import.meta.dirname, 'database.sh');
const GIVE_ICONS = `
  with icon as (insert into icons (hash, mime_type, content) values ('bench', 'image/gif', '') returning id)
  insert into feed_icons (feed_id, icon_id) select feeds.id, icon.id from feeds, icon`;
const START_MS_MAX = 60_000;
/** Killed with its namespaces: everything it started and mounted goes away. */
const ISOLATED = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--ipc', '--fork', '--kill-child'];

/** `settings`: lines of `postgresql.conf`. */
export async function startDatabase(root: string, settings: readonly string[]): Promise<PeerDatabase> {
  removeLeftovers(root);
  const run = `bench-${process.pid}-${randomBytes(4).toString('hex')}`;
  const folder = join(root, 'srv', run);
  const child = spawn('setpriv', [...ISOLATED, 'sh', RUN_SCRIPT, root, run, ...settings], { stdio: 'ignore' });
  const exit = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exit;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const client = await connectWithin(folder, START_MS_MAX);
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return {
      url: `host=/srv/${run} user=postgres dbname=miniflux sslmode=disable`,
      version: `PostgreSQL ${rows[0]?.server_version ?? ''}`,
      cpuSeconds: () => treeCpuSeconds(child.pid ?? 0),
      count: async (table) => Number((await client.query(`select count(*) as n from ${table}`)).rows[0]?.n),
      giveIcons: async () => void (await client.query(GIVE_ICONS)),
      async [Symbol.asyncDispose]() {
        await client.end();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function connectWithin(host: string, msMax: number): Promise<Client> {
  const until = performance.now() + msMax;
  for (;;) {
    const client = new Client({ host, user: 'postgres', database: 'miniflux' });
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => {});
      if (performance.now() > until) throw error;
      await delay(50);
    }
  }
}

/** Data folders of benches that were killed. */
function removeLeftovers(root: string): void {
  for (const name of readdirSync(join(root, 'srv'))) {
    const pid = /^bench-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      rmSync(join(root, 'srv', name), { recursive: true, force: true });
  }
}
