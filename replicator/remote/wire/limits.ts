/**
 * What one message between two sites may hold. A sender splits what is larger; a receiver that meets more refuses it
 * with WIRE_TOO_LARGE before it costs memory.
 */
const MIB = 1024 * 1024;

/** Sent in the header `feedferry-protocol` of every request and answer, and in every frame. */
export const PROTOCOL = 1;
export const PROTOCOL_HEADER = 'feedferry-protocol';

/** Of one document; as the store has it. */
export const DOCUMENT_BYTES_MAX = 8 * MIB;
/** Of an id, in UTF-8; as the store has it. */
export const ID_BYTES_MAX = 512;
/** A sender begins a new frame rather than go above this, before compression. */
export const PART_BYTES_MAX = 14 * MIB;
/** Of a frame, decompressed: one part, and one document that did not fit into it. */
export const RAW_BYTES_MAX = 24 * MIB;
/** Of a frame as it travels: it may not compress at all. */
export const FRAME_BYTES_MAX = RAW_BYTES_MAX + 64;
/** Of a request or an answer in JSON. */
export const JSON_BYTES_MAX = 8 * MIB;
/** Documents of one frame. */
export const DOCS_MAX = 2_000;
/** Ids of one question. */
export const IDS_MAX = 10_000;
/** Digests of one page. */
export const DIGESTS_MAX = 10_000;
/** Slots of a vector, and sites of a version vector. */
export const VECTOR_ENTRIES_MAX = 10_000;
/** Objects and arrays within each other. */
export const NESTING_MAX = 500;
/** Characters of names, cursors, versions and whatever else is short. */
export const WORD_CHARS_MAX = 4_096;
