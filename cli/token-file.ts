/** The secret that both ends of replication over HTTPS have: one line in a file that nobody else can read. */
import { open } from 'node:fs/promises';
import { replicatorError } from '../replicator/errors.ts';
import { TOKEN_CHARS_MIN } from '../replicator/remote/receive-limits.ts';
import { cliError } from './errors.ts';

/** A token file holds one word; more is another file. */
const FILE_BYTES_MAX = 4096;

/** Bits of a mode that let others than the owner in. */
const OTHERS = 0o077;

/**
 * `warn` is told where others can read the file. Throws FILE_UNREADABLE, FILE_TOO_LARGE, and RECEIVER_TOKEN_SHORT for what
 * can be guessed or is no token at all.
 */
export async function readTokenFile(path: string, warn?: (message: string) => void): Promise<string> {
  const { text, mode } = await readSmallFile(path);
  const token = text.trim();
  if (token.length < TOKEN_CHARS_MIN || /\s/.test(token)) {
    const what = /\s/.test(token) ? 'more than one word' : `only ${token.length} characters`;
    const message = `The token in ${path} has ${what}; it must be one word of at least ${TOKEN_CHARS_MIN} characters.`;
    throw replicatorError('RECEIVER_TOKEN_SHORT', message, { input: path });
  }
  if ((mode & OTHERS) !== 0 && process.platform !== 'win32') {
    warn?.(`${path} can be read by other users of this machine. chmod 600 ${path}`);
  }
  return token;
}

async function readSmallFile(path: string): Promise<{ text: string; mode: number }> {
  try {
    await using file = await open(path, 'r');
    const { mode, size } = await file.stat();
    if (size > FILE_BYTES_MAX) {
      throw cliError('FILE_TOO_LARGE', `${path} is no token file: it has ${size} bytes.`, {
        input: path,
        advice: 'A token file holds one word: openssl rand -base64 32 > receive.token',
      });
    }
    const { buffer, bytesRead } = await file.read(Buffer.alloc(FILE_BYTES_MAX), 0, FILE_BYTES_MAX, 0);
    return { text: buffer.toString('utf8', 0, bytesRead), mode };
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'FILE_TOO_LARGE') throw cause;
    throw cliError('FILE_UNREADABLE', `Cannot read ${path}: ${(cause as Error).message}`, { input: path, cause });
  }
}
