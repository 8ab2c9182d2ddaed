/**
 * MongoDB's wire protocol: bytes to requests, replies to bytes. Pure. OP_MSG, and OP_QUERY for the first handshake.
 * Source: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
 */
import { type Document, deserialize } from 'bson';

export const MESSAGE_BYTES_MAX = 48_000_000;

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_BYTES = 16;
const FLAG_CHECKSUM = 1;
const FLAG_MORE_TO_COME = 2;
const SECTION_BODY = 0;
const SECTION_SEQUENCE = 1;

export interface Request {
  readonly id: number;
  /** The command's name: the first key of the body. */
  readonly name: string;
  readonly database: string;
  /** The body as BSON, and read. Lists that came as document sequences are in neither. */
  readonly body: Uint8Array;
  readonly command: Document;
  /** `documents`, `updates`, `deletes`: BSON documents one after the other. */
  readonly sequences: ReadonlyMap<string, Uint8Array>;
  readonly wantsReply: boolean;
  /** An OP_QUERY, to be answered by an OP_REPLY. */
  readonly legacy: boolean;
}

/** Cuts a stream of bytes into messages. Throws on a length that no message may have. */
export class MessageSplitter {
  #chunks: Buffer[] = [];
  #bytes = 0;

  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const messages: Buffer[] = [];
    for (;;) {
      const length = this.#nextLength();
      if (length === undefined || this.#bytes < length) return messages;
      const all = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
      messages.push(all.subarray(0, length));
      this.#bytes -= length;
      this.#chunks = this.#bytes > 0 ? [all.subarray(length)] : [];
    }
  }

  #nextLength(): number | undefined {
    if (this.#bytes < 4) return undefined;
    let first = this.#chunks[0] ?? Buffer.alloc(0);
    if (first.length < 4) {
      first = Buffer.concat(this.#chunks);
      this.#chunks = [first];
    }
    const length = first.readInt32LE(0);
    if (length < HEADER_BYTES || length > MESSAGE_BYTES_MAX) throw new Error(`a message of ${length} bytes`);
    return length;
  }
}

/** Throws on anything but OP_MSG and OP_QUERY, and on a body that is no BSON. */
export function readRequest(message: Buffer): Request {
  const id = message.readInt32LE(4);
  const opcode = message.readInt32LE(12);
  if (opcode === OP_QUERY) return readQuery(id, message);
  if (opcode === OP_MSG) return readMsg(id, message);
  throw new Error(`opcode ${opcode} is not served`);
}

function readQuery(id: number, message: Buffer): Request {
  const nameEnd = message.indexOf(0, HEADER_BYTES + 4);
  const body = message.subarray(nameEnd + 1 + 8);
  return { ...readBody(body), id, body, sequences: new Map(), wantsReply: true, legacy: true };
}

function readMsg(id: number, message: Buffer): Request {
  const flags = message.readUInt32LE(HEADER_BYTES);
  const end = message.length - (flags & FLAG_CHECKSUM ? 4 : 0);
  const sequences = new Map<string, Uint8Array>();
  let body: Buffer | undefined;
  let at = HEADER_BYTES + 4;
  while (at < end) {
    const kind = message.readUInt8(at);
    const length = message.readInt32LE(at + 1);
    const section = message.subarray(at + 1, at + 1 + length);
    if (kind === SECTION_BODY) {
      body = section;
    } else if (kind === SECTION_SEQUENCE) {
      const nameEnd = section.indexOf(0, 4);
      sequences.set(section.toString('utf8', 4, nameEnd), section.subarray(nameEnd + 1));
    } else {
      throw new Error(`section kind ${kind} is unknown`);
    }
    at += 1 + length;
  }
  if (!body) throw new Error('a message without a body');
  return { ...readBody(body), id, body, sequences, wantsReply: (flags & FLAG_MORE_TO_COME) === 0, legacy: false };
}

function readBody(body: Buffer): Pick<Request, 'name' | 'database' | 'command'> {
  const command = deserialize(body, { promoteLongs: false });
  return {
    command,
    name: Object.keys(command)[0] ?? '',
    database: typeof command.$db === 'string' ? command.$db : 'admin',
  };
}

/** The collection that a command is about; empty where it is about none. */
export function collectionOf(request: Request): string {
  const name: unknown = request.command[request.name];
  return typeof name === 'string' ? name : '';
}

/** `database.collection` */
export function namespaceOf(request: Request): string {
  return `${request.database}.${collectionOf(request)}`;
}

/** `document`: one BSON document. */
export function writeReply(request: Request, document: Uint8Array): Buffer {
  return request.legacy ? writeLegacyReply(request.id, document) : writeMsg(request.id, document);
}

function writeMsg(requestId: number, document: Uint8Array): Buffer {
  const start = HEADER_BYTES + 4 + 1;
  const out = Buffer.alloc(start + document.length);
  writeHeader(out, requestId, OP_MSG);
  out.writeUInt8(SECTION_BODY, start - 1);
  out.set(document, start);
  return out;
}

function writeLegacyReply(requestId: number, document: Uint8Array): Buffer {
  const start = HEADER_BYTES + 20;
  const out = Buffer.alloc(start + document.length);
  writeHeader(out, requestId, OP_REPLY);
  out.writeInt32LE(1, start - 4);
  out.set(document, start);
  return out;
}

function writeHeader(out: Buffer, responseTo: number, opcode: number): void {
  out.writeInt32LE(out.length, 0);
  out.writeInt32LE(responseTo, 8);
  out.writeInt32LE(opcode, 12);
}
