import t from 'tap';
import { storeContract } from '../../contract/store.ts';
import { sqliteEngine } from './engine.ts';

t.test('the SQLite engine keeps the store contract', (t) => storeContract(t, sqliteEngine));
