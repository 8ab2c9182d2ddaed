/**
 * What the simulated world does wrong on purpose, to see that the oracle objects.
 * - `no-hole-fence`: a takeover publishes `stable` without filling the holes.
 * - `no-ver-guard`: an older version replaces a newer one.
 * - `no-stable`: tailers are shown what lies beyond `stable`.
 * - `checkpoint-early`: a checkpoint is saved before what it speaks of is applied.
 * - `no-epoch-fence`: who was fenced goes on writing and publishing.
 * - `skip-conflicts`: the loser of a conflict is not kept.
 */
export const MISTAKES = [
  'no-hole-fence',
  'no-ver-guard',
  'no-stable',
  'checkpoint-early',
  'no-epoch-fence',
  'skip-conflicts',
] as const;

export type Mistake = (typeof MISTAKES)[number] | 'none';
