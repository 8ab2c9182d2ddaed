/** Memory that is used over and over for what lives until the next call; what is larger than is worth keeping gets its own. */
export class ScratchMemory {
  readonly #keptBytes: number;
  #kept: Buffer<ArrayBuffer> | undefined;

  constructor(keptBytes: number) {
    this.#keptBytes = keptBytes;
  }

  /** So many bytes at least, alone in their buffer, with anything in them. */
  of(bytes: number): Buffer<ArrayBuffer> {
    if (bytes > this.#keptBytes) return Buffer.allocUnsafeSlow(bytes);
    this.#kept ??= Buffer.allocUnsafeSlow(this.#keptBytes);
    return this.#kept;
  }
}
