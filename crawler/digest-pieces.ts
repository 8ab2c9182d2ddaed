/**
 * A large body to articles, piece by piece: what is kept of an entry until its article is wanted is what it is known by, and its
 * piece is read once more then. So a document of 20 MiB needs no multiple of its size in memory.
 */
import { CodedError } from '../store/errors.ts';
import { articleId } from '../store/ids.ts';
import { articleOf } from './article.ts';
import type { DigestedFeed, DigestedItem, DigestInput, Digestion, FeedFacts } from './digest.ts';
import {
  digest,
  fingerprint,
  type Identifiable,
  identifyBy,
  identityOf,
  type KnownBy,
  standsAlone,
} from './identity.ts';
import { bytesOfPacked } from './packed-body.ts';
import { type ByteSource, bytesInMemory } from './parse/byte-source.ts';
import { parseError } from './parse/errors.ts';
import {
  KEPT_PIECES_BYTES_MAX,
  PIECE_ELEMENTS_MAX,
  PROLOG_CHARS_MAX,
  UNCUT_BYTES_MAX,
  WINDOW_BYTES,
} from './parse/limits.ts';
import type { ParsedEntry, ParsedFeed } from './parse/model.ts';
import { parseFeed } from './parse/parse.ts';
import { layoutOf, PieceMaker } from './parse/windows.ts';

/** Keys in place of guid and URL, which may be long. */
interface Known extends Identifiable {
  readonly piece: number;
  /** In its piece. */
  readonly index: number;
  readonly ids: Readonly<Partial<Record<KnownBy, string>>>;
  readonly fingerprint: string;
  readonly chars: number;
}

/** The bytes where it is to be read whole. Throws CodedError PARSE_*. */
export function digestPieces(input: DigestInput, windowBytes = WINDOW_BYTES): Digestion | Uint8Array {
  const source = input.packed === undefined ? bytesInMemory(input.body) : bytesOfPacked(input.packed);
  const layout = layoutOf(source, input.contentType, windowBytes);
  if (layout === null) return uncut(input, source);
  const pieces = new Pieces(input, new PieceMaker(source, layout));
  let facts: FeedFacts | undefined;
  let cut = false;
  const entries: Known[] = [];
  for (let piece = 0; piece < pieces.count; piece += 1) {
    const read = pieces.read(piece, facts !== undefined);
    if (read === null) {
      cut = true;
      continue;
    }
    const { entries: found, warnings, ...said } = read;
    for (const [index, entry] of found.entries()) entries.push(known(input.feed, entry, piece, index));
    cut ||= warnings.some(({ code }) => code === 'PARSE_CUT');
    facts = facts === undefined ? { ...said, dates: [] } : { ...merged(facts, said), dates: [] };
  }
  if (facts === undefined) throw parseError('PARSE_TRUNCATED', 'The document ends before its first whole entry.');
  const dates = entries.flatMap(({ published, updated }) => published ?? updated ?? []);
  return digestion(input.feed, pieces, { facts: { ...facts, dates }, cut }, entries);
}

function digestion(
  feed: string,
  pieces: Pieces,
  said: Pick<DigestedFeed, 'facts' | 'cut'>,
  entries: readonly Known[],
): Digestion {
  const identified = identifyBy(entries, (entry, by) => entry.ids[by] ?? '');
  const items: DigestedItem[] = identified.map(
    ({ identity: id, entry: { fingerprint, published, updated, chars } }) => ({
      ...{ id, fingerprint, published, updated, chars },
    }),
  );
  return {
    digested: { ...said, whole: !identified.every(standsAlone), items },
    articles: (wanted) =>
      wanted.flatMap(({ index: at, num, arrived }) => {
        const entry = identified[at]?.entry;
        const parsed = entry === undefined ? undefined : pieces.read(entry.piece, true)?.entries[entry.index];
        if (entry === undefined || parsed === undefined) return [];
        return articleOf(feed, parsed, entry.fingerprint, { num, arrived });
      }),
  };
}

/** Parses a piece at a time, and keeps as many as KEPT_PIECES_BYTES_MAX allows, the last ones. */
class Pieces {
  readonly #input: DigestInput;
  readonly #maker: PieceMaker;
  readonly #kept = new Map<number, { read: ParsedFeed; bytes: number }>();
  #keptBytes = 0;

  constructor(input: DigestInput, maker: PieceMaker) {
    this.#input = input;
    this.#maker = maker;
  }

  get count(): number {
    return this.#maker.count;
  }

  /** `mayBeCut`: null for a piece without a whole entry. */
  read(piece: number, mayBeCut: boolean): ParsedFeed | null {
    const kept = this.#kept.get(piece);
    if (kept !== undefined) return kept.read;
    const { url, contentType } = this.#input;
    const body = this.#maker.make(piece);
    this.#makeRoom(body.length);
    try {
      const input = { body, url, elementsMax: PIECE_ELEMENTS_MAX };
      const read = parseFeed(contentType === null ? input : { ...input, contentType });
      this.#kept.set(piece, { read, bytes: body.length });
      this.#keptBytes += body.length;
      return read;
    } catch (error) {
      if (mayBeCut && error instanceof CodedError && error.code === 'PARSE_TRUNCATED') return null;
      throw error;
    }
  }

  #makeRoom(bytes: number): void {
    for (const [piece, old] of this.#kept) {
      if (this.#keptBytes + bytes <= KEPT_PIECES_BYTES_MAX) return;
      this.#kept.delete(piece);
      this.#keptBytes -= old.bytes;
    }
  }
}

function known(feed: string, entry: ParsedEntry, piece: number, index: number): Known {
  const { guid, url, published, updated } = entry;
  const by: KnownBy[] = guid !== null ? ['guid', 'guid and link'] : url !== null ? ['link', 'text'] : ['text'];
  return {
    ...{ piece, index, published, updated, fingerprint: fingerprint(entry) },
    guid: guid === null ? null : digest([guid]),
    url: url === null ? null : digest([url]),
    ids: Object.fromEntries(by.map((one) => [one, articleId(feed, identityOf(entry, one))])),
    chars: entry.html.length + entry.summaryHtml.length,
  };
}

/** What a later piece says counts where those before it said nothing: a feed may say things between and after its entries. */
function merged(before: FeedFacts, said: Omit<FeedFacts, 'dates'>): Omit<FeedFacts, 'dates'> {
  const { hints: a } = before;
  const { hints: b } = said;
  return {
    ...before,
    title: before.title || said.title,
    description: before.description || said.description,
    siteUrl: before.siteUrl ?? said.siteUrl,
    selfUrl: before.selfUrl ?? said.selfUrl,
    iconUrl: before.iconUrl ?? said.iconUrl,
    language: before.language ?? said.language,
    updated: before.updated ?? said.updated,
    hubs: before.hubs.length > 0 ? before.hubs : said.hubs,
    hints: {
      ttlMs: a.ttlMs ?? b.ttlMs,
      skipHours: a.skipHours.length > 0 ? a.skipHours : b.skipHours,
      skipDays: a.skipDays.length > 0 ? a.skipDays : b.skipDays,
      updatePeriodMs: a.updatePeriodMs ?? b.updatePeriodMs,
    },
  };
}

/** Nowhere to cut: read whole while it is not too large; else its beginning tells what it is instead of a feed. */
function uncut({ url, contentType }: DigestInput, source: ByteSource): Uint8Array {
  if (source.length <= UNCUT_BYTES_MAX) return source.slice(0, source.length);
  const input = { body: source.slice(0, PROLOG_CHARS_MAX), url, elementsMax: PIECE_ELEMENTS_MAX };
  try {
    parseFeed(contentType === null ? input : { ...input, contentType });
  } catch (error) {
    if (error instanceof CodedError && OTHERS.has(error.code)) throw error;
  }
  throw parseError('PARSE_TOO_LARGE', `No entry is found at the beginning of a document of ${source.length} bytes.`);
}

const OTHERS: ReadonlySet<string> = new Set(['PARSE_EMPTY', 'PARSE_HTML', 'PARSE_NOT_A_FEED', 'PARSE_TOO_DEEP']);
