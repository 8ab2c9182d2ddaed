import { covers, join, type Positions, positionsFrom, positionsText } from './positions.ts';

const COOKIE = 'feedferry-seen';
/** A replica that is read from is never further behind than the staleness bound, so an older token says nothing. */
const COOKIE_EXTRA_S = 60;

/**
 * What one reader must find wherever they read: positions in the primary's change feed that cover what they brought in,
 * and what a replica has shown them. The positions live in memory and in a cookie, so that
 * they outlive a restart and hold at another process of the same site. Nothing secret is in it, and a made-up one only
 * sends its reader to the primary, until that is next looked at.
 */
export class ReaderToken {
  #positions: Positions = {};
  #raisedAt = Number.NEGATIVE_INFINITY;
  #revision = 0;
  #shown: { readonly replica: string; readonly at: number } | undefined;

  get positions(): Positions {
    return this.#positions;
  }

  /** When the positions were last raised, ms since 1970. */
  get raisedAt(): number {
    return this.#raisedAt;
  }

  /** Grows with every raise: what was counted before is to be counted again. */
  get revision(): number {
    return this.#revision;
  }

  /** The reader must find this from now on. */
  needs(positions: Positions, now: number): void {
    if (covers(this.#positions, positions)) return;
    this.#positions = join(this.#positions, positions);
    this.#raisedAt = now;
    this.#revision += 1;
  }

  /**
   * Whether a replica that has all of a moment (`asOf`) has all that the reader was shown before: it is the same one, or
   * the moment is later. A clock that was set back begins anew.
   */
  maySee(replica: string, asOf: number, now: number): boolean {
    const shown = this.#shown;
    return shown === undefined || shown.replica === replica || asOf >= shown.at || shown.at > now;
  }

  /** `at`: when the reading had ended. */
  shown(replica: string, at: number): void {
    this.#shown = { replica, at };
  }
}

/** The positions in a `cookie` header; null: none, or none of ours. */
export function tokenIn(header: string | undefined): Positions | null {
  const match = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]*)`).exec(header ?? '');
  return match === null ? null : positionsFrom(match[1] ?? '');
}

export function tokenCookie(positions: Positions, stalenessMsMax: number): string {
  const maxAge = Math.ceil(stalenessMsMax / 1000) + COOKIE_EXTRA_S;
  return `${COOKIE}=${positionsText(positions)}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax`;
}
