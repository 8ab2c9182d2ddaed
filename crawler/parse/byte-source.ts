/** The bytes of a document, of which not all need be in memory at once. */
export interface ByteSource {
  readonly length: number;
  /** Of use until the next call; not to be written to. */
  slice(from: number, to: number): Buffer;
  /** Where this ASCII text stands first at or after `from`; -1: nowhere. */
  indexOf(mark: string, from: number): number;
  /** All of it, in order. */
  pieces(): Iterable<Buffer>;
}

export function bytesInMemory(body: Uint8Array): ByteSource {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return {
    length: bytes.length,
    slice: (from, to) => bytes.subarray(from, to),
    indexOf: (mark, from) => bytes.indexOf(mark, from, 'latin1'),
    pieces: () => [bytes],
  };
}
