import type { Test } from 'tap';
import { articleQueries } from './article-queries.ts';
import { changeReading } from './change-reading.ts';
import { controlNotes } from './control-notes.ts';
import { digests } from './digests.ts';
import type { Engine } from './engine.ts';
import { feedQueries } from './feed-queries.ts';
import { healing } from './healing.ts';
import { indexes } from './indexes.ts';
import { modes } from './modes.ts';
import { opening } from './opening.ts';
import { reading } from './reading.ts';
import { replicas } from './replicas.ts';
import { roundTrip } from './round-trip.ts';
import { serializedEdits } from './serialized-edits.ts';
import { shutOut } from './shut-out.ts';
import { versionedWrites } from './versioned-writes.ts';
import { writers } from './writers.ts';

export type { Engine } from './engine.ts';

/** What every store does, whichever engine keeps it. */
export async function storeContract(t: Test, engine: Engine): Promise<void> {
  t.comment(`store contract: the engine is ${engine.name}`);
  await t.test('opening and closing', (t) => opening(t, engine));
  await t.test('reading documents', (t) => reading(t, engine));
  await t.test('versioned writes', (t) => versionedWrites(t, engine));
  await t.test('edits that came serialized', (t) => serializedEdits(t, engine));
  await t.test('writers', (t) => writers(t, engine));
  await t.test('modes', (t) => modes(t, engine));
  await t.test('writers that are shut out', (t) => shutOut(t, engine));
  await t.test('reading changes', (t) => changeReading(t, engine));
  await t.test('replicas', (t) => replicas(t, engine));
  await t.test('healing', (t) => healing(t, engine));
  await t.test('digests', (t) => digests(t, engine));
  await t.test('indexes', (t) => indexes(t, engine));
  await t.test('articles', (t) => articleQueries(t, engine));
  await t.test('feeds', (t) => feedQueries(t, engine));
  await t.test('control', (t) => controlNotes(t, engine));
  await t.test('round trip', (t) => roundTrip(t, engine));
}
