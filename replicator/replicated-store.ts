import type { Control, Database, SiteId } from '../store/contract.ts';
import type { DatabaseName } from '../store/documents.ts';

/** The part of a database that replication needs. */
export type ReplicatedDatabase = Pick<
  Database<unknown>,
  | 'name'
  | 'changes'
  | 'versions'
  | 'openWriter'
  | 'mode'
  | 'setMode'
  | 'count'
  | 'bucketSums'
  | 'digests'
  | 'setIndexes'
>;

/** The part of a store that replication needs. A `Store` is one; so is the simulator's model. */
export interface ReplicatedStore {
  /** Without credentials. */
  readonly url: string;
  readonly site: SiteId;
  readonly control: Control;
  database(name: DatabaseName): ReplicatedDatabase;
}
