import type { OpenOptions, Store } from '../../store/contract.ts';
import type { Faults } from '../../store/faults.ts';

/** What the contract suites need of an engine. */
export interface Engine {
  readonly name: 'sqlite' | 'mongodb';
  /** A URL at which there is no store yet. */
  fresh(): Promise<{ url: string; cleanup(): Promise<void> }>;
  open(url: string, options?: OpenOptions, faults?: Faults): Promise<Store>;
  /** Marks the (closed) store as written by a Feedferry of a later schema version. */
  makeNewer(url: string): Promise<void>;
}
