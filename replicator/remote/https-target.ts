/** A store at another site, behind `feedferry receive`. The other end of `receive.ts`. */
import type { BucketSum, DigestPage, DigestQuery, Versioned } from '../../store/contract.ts';
import type { DatabaseName } from '../../store/documents.ts';
import { replicatorError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { Comparable, Hello, Push, Pushed, Target, TargetSession } from '../target.ts';
import { Asking } from './https-asking.ts';
import { isLoopback } from './loopback.ts';
import { parseJson, readObject, readText } from './wire/checked.ts';
import { damaged } from './wire/damage.ts';
import { decodeDigests } from './wire/digests.ts';
import type { Packing } from './wire/frame.ts';
import { IDS_MAX } from './wire/limits.ts';
import { type Admission, readAdmission, readSiteInfo } from './wire/messages.ts';
import { encodePush, readPushed } from './wire/push.ts';
import { decodeSums, rootDigest } from './wire/sums.ts';
import { decodeVersions } from './wire/versions.ts';

/** A session without pushes gives a sign this often: receivers end idle ones after 120 s. */
const PING_MS = 30_000;
/** The receiver is told so long that a session ends; without that it notices by itself. */
const CLOSE_MS_MAX = 5_000;

export interface HttpsTargetOptions {
  readonly token: string;
  /** Certificates (PEM) of an authority that is trusted besides the public ones. */
  readonly ca?: string;
  /** How documents travel. Default `zstd`: it is faster also where the link is not the narrow part. */
  readonly packing?: Packing;
  readonly runtime: Runtime;
}

/** Nothing is sent before the first call. Throws RECEIVER_URL_INVALID and RECEIVER_TOKEN_MISSING. */
export function httpsTarget(url: string, { token, ca, packing = 'zstd', runtime }: HttpsTargetOptions): Target {
  const base = baseOf(url);
  if (token === '') throw replicatorError('RECEIVER_TOKEN_MISSING', `${url} wants a token.`, { input: url });
  const asking = new Asking(base, { token, ...(ca !== undefined && { ca }) });
  const sessions = new Set<HttpsSession>();
  const close = async (): Promise<void> => {
    await Promise.all([...sessions].map((session) => session.close()));
    await asking.close();
  };
  return {
    url: base.href.replace(/\/replication\/$/, ''),
    inspect: async () => readSiteInfo(await asking.json('inspect', {})),
    connect: async (hello: Hello) => {
      const admission = readAdmission(await asking.json('sessions', hello));
      const session = new HttpsSession({
        asking,
        admission,
        packing,
        runtime,
        onClose: () => sessions.delete(session),
      });
      sessions.add(session);
      return session;
    },
    compare: (database) => comparable(asking, database),
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface SessionOptions {
  readonly asking: Asking;
  readonly admission: Admission;
  readonly packing: Packing;
  readonly runtime: Runtime;
  readonly onClose: () => void;
}

class HttpsSession implements TargetSession {
  readonly info: Admission['info'];
  readonly checkpoints: Admission['checkpoints'];
  readonly #options: SessionOptions;
  readonly #path: string;
  readonly #pinging: NodeJS.Timeout;
  #usedAt: number;
  #closing: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    const { id, info, checkpoints } = options.admission;
    this.info = info;
    this.checkpoints = checkpoints;
    this.#options = options;
    this.#path = `sessions/${encodeURIComponent(id)}`;
    this.#usedAt = options.runtime.elapsed();
    this.#pinging = setInterval(() => void this.#ping(), PING_MS / 2);
    this.#pinging.unref();
  }

  async push(push: Push): Promise<Pushed> {
    let all: Pushed = { written: 0, stale: 0, conflicts: 0, appliedMs: 0 };
    const { asking, packing, runtime } = this.#options;
    for (const frame of await encodePush(push, packing)) {
      this.#usedAt = runtime.elapsed();
      const pushed = readPushed(await asking.send(`${this.#path}/push`, frame));
      all = {
        written: all.written + pushed.written,
        stale: all.stale + pushed.stale,
        conflicts: all.conflicts + pushed.conflicts,
        appliedMs: all.appliedMs + pushed.appliedMs,
      };
    }
    return all;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#pinging);
    this.#options.onClose();
    await this.#options.asking.json(`${this.#path}/close`, {}, CLOSE_MS_MAX);
  }

  /** What is wrong with the session the next push will tell. */
  async #ping(): Promise<void> {
    const { asking, runtime } = this.#options;
    if (runtime.elapsed() - this.#usedAt < PING_MS / 2) return;
    await asking.json(`${this.#path}/ping`, {}).catch(() => {});
  }
}

function comparable(asking: Asking, database: DatabaseName): Comparable {
  const path = `databases/${database}`;
  return {
    bucketSums: (like) => (like ? sumsUnlike(asking, path, like) : sums(asking, path)),
    digests: async (query: DigestQuery): Promise<DigestPage> =>
      decodeDigests(await asking.frame(`${path}/digests`, query)),
    versions: (ids) => versions(asking, path, ids),
  };
}

async function sums(asking: Asking, path: string, root?: string): Promise<BucketSum[]> {
  return decodeSums(await asking.frame(`${path}/sums`, root === undefined ? {} : { root }));
}

/** Both sides sum up at the same time; the rows cross the wire only where the roots differ. */
async function sumsUnlike(asking: Asking, path: string, like: PromiseLike<readonly BucketSum[]>): Promise<BucketSum[]> {
  const [answer, own] = await Promise.all([asking.json(`${path}/root`, {}), like]);
  const root = readText(readObject(parseJson(answer, 'an answer'), 'an answer').root, 'a root');
  return root === rootDigest(own) ? [...own] : await sums(asking, path, root);
}

async function versions(
  asking: Asking,
  path: string,
  ids: readonly string[],
): Promise<Map<string, Versioned<unknown>>> {
  const all = new Map<string, Versioned<unknown>>();
  for (let at = 0; at < ids.length; ) {
    const asked = ids.slice(at, at + IDS_MAX);
    const { answered, found } = await decodeVersions(await asking.frame(`${path}/versions`, { ids: asked }));
    if (answered < 1 || answered > asked.length) throw damaged('an answer is not about what was asked');
    for (const document of found) all.set(document.id, document);
    at += answered;
  }
  return all;
}

function baseOf(text: string): URL {
  const url = URL.parse(text);
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (url === null || !isSafe || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    const input = text.replace(/\/\/[^/?#]*@/, '//***@');
    throw replicatorError('RECEIVER_URL_INVALID', `This is not the URL of a receiver: ${input}`, { input });
  }
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/replication/`;
  return url;
}
