/** What a receiver lets its senders have. Times in ms. */
export interface ReceiverLimits {
  readonly sessionsMax: number;
  /** A session in which nothing came for so long ends; senders give a sign four times as often. */
  readonly idleMsMax: number;
  /** Bodies that are being received or worked on, all together. */
  readonly bytesMax: number;
  /** While a request is worked on, its sender gets a sign of life this often. */
  readonly heartbeatMs: number;
  /** A wrong token is answered after this time. */
  readonly wrongTokenMs: number;
  /** From the first byte of a request to its last. */
  readonly requestMsMax: number;
  /** From the first byte of a request to the end of its headers; also for the TLS handshake. */
  readonly headersMsMax: number;
  /** What is in flight when the receiver is closed gets so long; then its sessions. */
  readonly closeMsMax: number;
}

export const RECEIVER_LIMITS: ReceiverLimits = {
  sessionsMax: 64,
  idleMsMax: 120_000,
  bytesMax: 256 * 1024 * 1024,
  heartbeatMs: 5_000,
  wrongTokenMs: 500,
  requestMsMax: 300_000,
  headersMsMax: 10_000,
  closeMsMax: 8_000,
};

/** Fewer characters than this can be guessed, or are a placeholder. */
export const TOKEN_CHARS_MIN = 24;
