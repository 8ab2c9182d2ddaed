/** Moments at which tests stop, kill or disturb a destination at work. */
export const FAULT_POINTS = [
  /** The destination admitted this sender; nothing has been noted yet. */
  'connected',
  /** The source's note says that this session began. */
  'session-noted',
  'page-read',
  'batch-sent',
  'batch-acknowledged',
  /** A document that the destination refuses was put aside. */
  'put-aside',
  /** Before a checkpoint without documents goes to the destination. */
  'checkpoint-destination',
  /** Before the source notes how far the destination is. */
  'checkpoint-source',
  'checkpoint-source-saved',
  /** Everything that the source had is at the destination. */
  'caught-up',
  'closing',
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

export interface ReplicationFaults {
  at(point: FaultPoint): Promise<void> | void;
}
