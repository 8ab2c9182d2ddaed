import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqlite } from '../../../store/sqlite/store.ts';
import type { Engine } from '../../contract/engine.ts';

export const sqliteEngine: Engine = {
  name: 'sqlite',
  async fresh() {
    const folder = await mkdtemp(join(tmpdir(), 'feedferry-sqlite-'));
    return { url: `sqlite:${join(folder, 'feedferry.db')}`, cleanup: () => rm(folder, { recursive: true }) };
  },
  open: (url, options, faults) => openSqlite(url, options, faults),
  async makeNewer(url) {
    const db = new DatabaseSync(url.replace('sqlite:', ''));
    db.exec('PRAGMA user_version = 99');
    db.close();
  },
};
