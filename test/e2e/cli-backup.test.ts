import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { RESTORE_NOTE } from '../../replicator/backup/restore-note.ts';
import type { Store } from '../../store/contract.ts';
import { openStore } from '../../store/open.ts';
import { seededRandom } from '../contract/random.ts';
import { everything, sameStores, scribble } from '../replicator/backup/backup-setting.ts';
import { type Cli, cliFor } from './cli-process.ts';

interface Made {
  readonly cli: Cli;
  readonly source: Store;
  open(name: string): Promise<Store>;
  /** Runs a command with `--json` and reads what it prints. */
  json(args: readonly string[], code?: number): Promise<Record<string, unknown>>;
}

async function made(t: Test): Promise<Made> {
  const cli = await cliFor(t);
  const open = async (name: string): Promise<Store> => {
    const store = await openStore(`sqlite:${join(cli.folder, name)}`);
    t.teardown(() => store.close());
    return store;
  };
  const source = await open('source.db');
  await scribble(source, seededRandom(1), 500);
  const json: Made['json'] = async (args, code = 0) => {
    const ended = await cli.run([...args, '--json']);
    t.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}`);
    return JSON.parse((code === 0 || code === 3 ? ended.stdout : ended.stderr).trim().split('\n').at(-1) ?? '');
  };
  return { cli, source, open, json };
}

const STORE = ['--store', 'sqlite:source.db'];

t.test('a store is backed up twice, checked, and restored with proof', async (t) => {
  const { cli, source, open, json } = await made(t);
  t.match(await json(['backup', '--to', 'a.backup', ...STORE]), { frame: 1, kind: 'full', exact: true });
  await scribble(source, seededRandom(2), 100);
  const text = await cli.run(['backup', '--to', 'a.backup', ...STORE]);
  t.match(
    text.stdout,
    /^Frame 2 of .*a\.backup: what changed, as of .*Z\n {2}\d+ documents, \d+ of them deletions; .* the file has .*kB\n$/,
  );
  const verified = await cli.run(['backup', 'verify', 'a.backup', '--against', 'sqlite:source.db']);
  t.equal(verified.code, 0, verified.stdout + verified.stderr);
  t.match(verified.stdout, /^ +2 .*changes.*\n[\s\S]*articles: equal[\s\S]*All 2 frames are as they were written\./m);
  const restored = await cli.run(['restore', '--from', 'a.backup', '--store', 'sqlite:restored.db']);
  t.equal(restored.code, 0, restored.stderr);
  t.match(
    restored.stdout,
    /^Restored [\d,]+ documents from frame 2[\s\S]*articles .* in the file, .* in the store: proven/,
  );
  await sameStores(t, await open('restored.db'), source, 'restored');
  const again = await json(['restore', '--from', 'a.backup', '--store', 'sqlite:restored.db'], 1);
  t.match(again, { error: { code: 'RESTORE_NOT_EMPTY' } });
  t.match(restored.stdout, /It is a site of its own now/);
  const merged = await cli.run(['restore', '--from', 'a.backup', '--store', 'sqlite:restored.db', '--into-existing']);
  t.match(merged, { code: 0, stdout: /^Restored 0 documents/ });
  t.notMatch(merged.stdout, /site of its own/, 'what was merged into stays what it was');
  const first = (await json(['backup', 'verify', 'a.backup'])) as { frames: { at: number }[] };
  const at = new Date(first.frames[0]?.at ?? 0).toISOString();
  const report = await json(['restore', '--from', 'a.backup', '--store', 'sqlite:before.db', '--at', at]);
  t.match(report, { frame: 1, equal: true, fromNext: false });
});

t.test('damage is exit code 3 of a check, and no restore', async (t) => {
  const { cli, json } = await made(t);
  await json(['backup', '--to', 'a.backup', ...STORE]);
  t.match(await cli.run(['backup', 'verify', 'a.backup']), { code: 0, stdout: /The frame is as it was written\.\n$/ });
  t.match(await json(['backup', 'verify', 'a.backup', '--deep'], 2), { error: { code: 'USAGE_INVALID' } });
  const path = join(cli.folder, 'a.backup');
  const bytes = await readFile(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
  await writeFile(path, bytes);
  const verdict = await cli.run(['backup', 'verify', 'a.backup']);
  t.equal(verdict.code, 3);
  t.match(verdict.stdout, /Frame 1 is DAMAGED: the \d+ bytes at \d+ are not as written\.$/m);
  t.match(await json(['restore', '--from', 'a.backup', '--store', 'sqlite:b.db'], 1), {
    error: { code: 'BACKUP_DAMAGED' },
  });
});

t.test('a backup to another store is one round of replication', async (t) => {
  const { source, open, json } = await made(t);
  t.match(await json(['backup', '--to', 'sqlite:copy.db', ...STORE]), { ended: true });
  await sameStores(t, await open('copy.db'), source, 'the copy');
  await scribble(source, seededRandom(3), 100);
  const { docs } = await json(['backup', '--to', 'sqlite:copy.db', ...STORE]);
  t.ok(Number(docs) < (await everything(source)).size, `${docs} documents the second time`);
  await sameStores(t, await open('copy.db'), source, 'the copy, a second time');
  await json(['backup', '--to', 'copy.backup', '--store', 'sqlite:copy.db']);
  t.match(await json(['restore', '--from', 'copy.backup', '--store', 'sqlite:new.db']), { equal: true });
  await sameStores(t, await open('new.db'), source, 'restored from a backup of the copy');
  const refused = await json(['backup', '--to', 'sqlite:copy.db', '--store', 'sqlite:new.db'], 1);
  t.match(refused, { error: { code: /^REPLICATION_TARGET_/ } }, 'the restored store is another site');
  await json(['backup', '--to', 'sqlite:copy.db', '--store', 'sqlite:new.db', '--adopt']);
});

t.test('wrong use says what is wanted and makes nothing', async (t) => {
  const { json } = await made(t);
  for (const args of [
    ['backup', ...STORE],
    ['backup', '--to', 'a.backup', '--rate', 'fast', ...STORE],
    ['backup', '--to', 'a.backup', '--databases', 'everything', ...STORE],
    ['backup', '--to', 'sqlite:b.db', '--full', ...STORE],
    ['backup', 'verify', 'a.backup', '--against', 'a.db'],
    ['restore', '--store', 'sqlite:b.db'],
    ['restore', '--from', 'sqlite:source.db', '--store', 'sqlite:b.db'],
    ['restore', '--from', 'a.backup', '--at', 'yesterday', '--store', 'sqlite:b.db'],
  ]) {
    t.match(await json(args, 2), { error: { code: 'USAGE_INVALID' } });
  }
  t.match(await json(['backup', '--to', 'a.backup', '--store', 'sqlite:nothing.db'], 1), {
    error: { code: 'STORE_MISSING' },
  });
  const missing = await json(['restore', '--from', 'a.backup', '--store', 'sqlite:b.db'], 1);
  t.match(missing, { error: { code: 'BACKUP_FILE_UNUSABLE' } });
});

t.test('a file that gives nothing leaves no store behind', async (t) => {
  const { cli, json } = await made(t);
  await json(['backup', '--to', 'a.backup', ...STORE]);
  await writeFile(join(cli.folder, 'empty.backup'), '');
  const whole = await readFile(join(cli.folder, 'a.backup'));
  await writeFile(join(cli.folder, 'cut-off.backup'), whole.subarray(0, whole.length >> 1));
  for (const [code, ...args] of [
    ['BACKUP_NOT_OURS', '--from', 'empty.backup'],
    ['BACKUP_DAMAGED', '--from', 'cut-off.backup'],
    ['RESTORE_TOO_EARLY', '--from', 'a.backup', '--at', '2001-01-01'],
  ] as const) {
    t.match(await json(['restore', ...args, '--store', 'sqlite:none.db'], 1), { error: { code } });
    await t.rejects(stat(join(cli.folder, 'none.db')), { code: 'ENOENT' }, code);
  }
});

t.test('a half-restored store is told by doctor and by serve', async (t) => {
  const { cli, source } = await made(t);
  const state = { backup: 'x', frame: 1, at: null, databases: [], path: '/a.backup', startedAt: 1, finishedAt: null };
  await source.control.put(RESTORE_NOTE, { ...state, blocks: {} });
  const doctor = await cli.run(['doctor', ...STORE]);
  t.equal(doctor.code, 3);
  t.match(
    doctor.stdout.replace(/\s+/g, ' '),
    /FAIL store .*half restored from \/a\.backup.*Run the same `feedferry restore` again/,
  );
  const serve = cli.start(['serve', ...STORE, '--listen', '0', '--no-crawler']);
  await serve.until(/is ready/);
  serve.child.kill('SIGTERM');
  t.match((await serve.ended).stdout, /half restored from \/a\.backup/);
});
