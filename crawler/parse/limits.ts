/** What the parser takes in and gives out at most. Past a limit it keeps the first part and warns, or throws. */

/** Bytes of one document, decoded. A larger one throws PARSE_TOO_LARGE. */
export const BODY_BYTES_MAX = 32 * 1024 * 1024;
/** Entries of one feed; the first ones are kept. */
export const ENTRIES_MAX = 5_000;
/** Elements of one document, those in bodies not counted: past them no entry is kept, past twice as many nothing. */
export const ELEMENTS_MAX = 150_000;
/** Values in a document in JSON, and how deep they nest: it is measured before it is read. */
export const JSON_VALUES_MAX = 500_000;
export const JSON_DEPTH_MAX = 200;
/** Characters of a feed's or an entry's title, and of an author or a category. */
export const TITLE_CHARS_MAX = 1_000;
export const LABEL_CHARS_MAX = 200;
/** Characters of a feed's description. */
export const DESCRIPTION_CHARS_MAX = 10_000;
/** Characters of one body. */
export const HTML_CHARS_MAX = 1024 * 1024;
/** Characters of an id and of a URL; a longer URL counts as none. */
export const GUID_CHARS_MAX = 2_000;
export const URL_CHARS_MAX = 4_000;
/** Of one entry. */
export const AUTHORS_MAX = 20;
export const CATEGORIES_MAX = 50;
export const ENCLOSURES_MAX = 50;
/** Of one feed. */
export const HUBS_MAX = 10;
export const WARNINGS_MAX = 50;
/** Elements inside elements, bodies not counted: these are read as text. */
export const DEPTH_MAX = 64;
/** Characters of one tag, outside of bodies, in documents that are larger than LARGE_CHARS; the rest of a longer one is dropped. */
export const TAG_CHARS_MAX = 64 * 1024;
export const LARGE_CHARS = 1024 * 1024;
/** A larger document is read in pieces, so that it needs the memory of one: bytes of a document, and of the entries of a piece. */
export const WHOLE_BYTES_MAX = 1024 * 1024;
export const WINDOW_BYTES = 256 * 1024;
/** In pieces: bytes of one entry, a longer one is left out; and bytes before the first entry, in JSON those besides the items. */
export const ENTRY_BYTES_MAX = 2 * 1024 * 1024;
export const HEAD_BYTES_MAX = 1024 * 1024;
/**
 * As ELEMENTS_MAX, of a piece, and of a document that is not larger than WHOLE_BYTES_MAX: the densest of real
 * feeds have an element for each 50 bytes.
 */
export const PIECE_ELEMENTS_MAX = 30_000;
/** Pieces that are kept parsed until their articles are wanted, in bytes; others are parsed once more. */
export const KEPT_PIECES_BYTES_MAX = 2 * 1024 * 1024;
/** A document in which no place to cut is found is read whole up to so many bytes. */
export const UNCUT_BYTES_MAX = 1536 * 1024;
/** Entities that a DOCTYPE may declare, their length, and what all uses of them may add to a document. */
export const OWN_ENTITIES_MAX = 200;
export const OWN_ENTITY_CHARS_MAX = 1_000;
export const OWN_EXPANSION_CHARS_MAX = 1024 * 1024;
/** How far into a document its root element is looked for. */
export const PROLOG_CHARS_MAX = 256 * 1024;

/** OPML: bytes of a list, its outlines, and how deep they nest. */
export const OPML_BYTES_MAX = 16 * 1024 * 1024;
export const OPML_OUTLINES_MAX = 20_000;
export const OPML_DEPTH_MAX = 20;
/** OPML and pages: elements that may be open at once; reading ends there, as its time grows with the square of it. */
export const ELEMENTS_DEPTH_MAX = 2_000;
/** Discovery: characters of a page that are looked at, and feeds that are offered. */
export const PAGE_CHARS_MAX = 2 * 1024 * 1024;
export const DISCOVERED_MAX = 20;
