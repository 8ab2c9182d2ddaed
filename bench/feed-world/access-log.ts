import type { IncomingHttpHeaders } from 'node:http';

/** One request that the world answered, or chose not to answer. */
export interface Access {
  /** Wall clock, ms. */
  readonly at: number;
  /** The world's own clock, ms. */
  readonly worldMs: number;
  readonly host: string;
  /** Number of the feed where its document was asked for; null for pages, pictures and what is not there. */
  readonly feed: number | null;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** null: no answer (the kinds `timeout`). */
  readonly status: number | null;
  /** Of the body. */
  readonly bytes: number;
}

export interface AccessStats {
  requests: number;
  /** Of feed documents alone. */
  feedRequests: number;
  conditional: number;
  notModified: number;
  bytes: number;
  byStatus: Record<string, number>;
  /** Entries that the log had no room for any more. */
  dropped: number;
}

/** Keeps the latest entries; counts all of them. */
export class AccessLog {
  readonly #entriesMax: number;
  readonly #onAccess: ((access: Access) => void) | undefined;
  #entries: Access[] = [];
  #stats = noAccess();

  constructor(entriesMax: number, onAccess?: (access: Access) => void) {
    this.#entriesMax = entriesMax;
    this.#onAccess = onAccess;
  }

  add(access: Access): void {
    const stats = this.#stats;
    const status = access.status === null ? 'none' : String(access.status);
    stats.requests += 1;
    stats.bytes += access.bytes;
    stats.byStatus[status] = (stats.byStatus[status] ?? 0) + 1;
    if (access.feed !== null) stats.feedRequests += 1;
    if (access.headers['if-none-match'] ?? access.headers['if-modified-since']) stats.conditional += 1;
    if (access.status === 304) stats.notModified += 1;
    this.#entries.push(access);
    // In halves, so that a full log costs no shift at every request.
    if (this.#entries.length > 2 * this.#entriesMax) this.#trim();
    this.#onAccess?.(access);
  }

  /** Oldest first, at most `entriesMax`. */
  entries(): readonly Access[] {
    return this.#entries.slice(-this.#entriesMax);
  }

  stats(): AccessStats {
    const dropped = this.#stats.dropped + Math.max(0, this.#entries.length - this.#entriesMax);
    return { ...this.#stats, byStatus: { ...this.#stats.byStatus }, dropped };
  }

  clear(): void {
    this.#entries = [];
    this.#stats = noAccess();
  }

  #trim(): void {
    this.#stats.dropped += this.#entries.length - this.#entriesMax;
    this.#entries = this.#entries.slice(-this.#entriesMax);
  }
}

function noAccess(): AccessStats {
  return { requests: 0, feedRequests: 0, conditional: 0, notModified: 0, bytes: 0, byStatus: {}, dropped: 0 };
}
