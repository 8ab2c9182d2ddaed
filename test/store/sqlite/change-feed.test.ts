import t from 'tap';
import { changeFeedContract } from '../../contract/change-feed.ts';
import { sqliteEngine } from './engine.ts';

t.test('the change feed of the SQLite engine', (t) => changeFeedContract(t, sqliteEngine));
