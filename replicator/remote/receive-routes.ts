/** What a receiver does for its senders: each path with the `Target` call behind it. */
import type { DatabaseName } from '../../store/documents.ts';
import type { Runtime } from '../runtime.ts';
import type { Target } from '../target.ts';
import type { Answer } from './receive-answer.ts';
import type { Sessions } from './receive-sessions.ts';
import { parseJson, readDatabase, readObject, readText } from './wire/checked.ts';
import { otherProtocol } from './wire/damage.ts';
import { encodeDigests, readDigestQuery, readIds } from './wire/digests.ts';
import { FRAME_BYTES_MAX, JSON_BYTES_MAX } from './wire/limits.ts';
import { readHello } from './wire/messages.ts';
import { decodePush } from './wire/push.ts';
import { encodeSums, rootDigest } from './wire/sums.ts';
import { encodeVersions } from './wire/versions.ts';

/** Sums whose root was told are kept so long for whoever asks for the rows, in ms. */
const SUMS_MS_MAX = 60_000;

export interface Route {
  readonly bodyBytesMax: number;
  run(body: Buffer): Promise<Answer>;
}

interface KeptSums {
  readonly root: string;
  readonly frame: Buffer;
  readonly at: number;
}

export class Routes {
  readonly #target: Target;
  readonly #sessions: Sessions;
  readonly #runtime: Runtime;
  readonly #sums = new Map<DatabaseName, KeptSums>();

  constructor(target: Target, sessions: Sessions, runtime: Runtime) {
    this.#target = target;
    this.#sessions = sessions;
    this.#runtime = runtime;
  }

  /** A proxy in front may put any path before `/replication/`. Throws WIRE_VERSION for what this receiver can't do. */
  find(path: string): Route {
    const at = path.lastIndexOf('/replication/');
    const [kind = '', name = '', verb = '', ...rest] = at < 0 ? [] : path.slice(at + '/replication/'.length).split('/');
    const route = rest.length > 0 ? undefined : this.#route(kind, name, verb);
    if (route === undefined) throw otherProtocol(path);
    return route;
  }

  #route(kind: string, name: string, verb: string): Route | undefined {
    if (kind === 'inspect' && name === '') return json(async () => await this.#target.inspect());
    if (kind === 'sessions') return name === '' ? this.#connect() : this.#session(name, verb);
    if (kind === 'databases') return this.#compare(readDatabase(name), verb);
    return undefined;
  }

  #connect(): Route {
    return json(async (body) => {
      const { id, session } = await this.#sessions.connect(readHello(body));
      return { id, info: session.info, checkpoints: session.checkpoints };
    });
  }

  #session(id: string, verb: string): Route | undefined {
    switch (verb) {
      case 'push':
        return {
          bodyBytesMax: FRAME_BYTES_MAX,
          run: async (body) => {
            // Before a large frame is unpacked for nothing.
            this.#sessions.find(id);
            return { kind: 'json', value: await this.#sessions.push(id, await decodePush(body)) };
          },
        };
      case 'ping':
        return json(async () => {
          this.#sessions.find(id);
          return {};
        });
      case 'close':
        return json(async () => {
          await this.#sessions.close(id);
          return {};
        });
      default:
        return undefined;
    }
  }

  #compare(database: DatabaseName, verb: string): Route | undefined {
    const side = this.#target.compare(database);
    switch (verb) {
      case 'root':
        return json(async () => ({ root: (await this.#sumUp(database)).root }));
      case 'sums':
        return frame(async (body) => {
          const { root } = readObject(body, 'a question');
          const kept = root === undefined ? undefined : this.#keptSums(database, readText(root, 'a root'));
          return (kept ?? (await this.#sumUp(database))).frame;
        });
      case 'digests':
        return frame(async (body) => encodeDigests(await side.digests(readDigestQuery(body))));
      case 'versions':
        return frame(async (body) => {
          const ids = readIds(readObject(body, 'a question').ids);
          return await encodeVersions(ids, (some) => side.versions(some));
        });
      default:
        return undefined;
    }
  }

  async #sumUp(database: DatabaseName): Promise<KeptSums> {
    const sums = await this.#target.compare(database).bucketSums();
    const kept = { root: rootDigest(sums), frame: await encodeSums(sums), at: this.#runtime.elapsed() };
    this.#sums.set(database, kept);
    return kept;
  }

  #keptSums(database: DatabaseName, root: string): KeptSums | undefined {
    const kept = this.#sums.get(database);
    const isFresh = kept !== undefined && this.#runtime.elapsed() - kept.at <= SUMS_MS_MAX;
    return isFresh && kept.root === root ? kept : undefined;
  }
}

function json(run: (body: unknown) => Promise<unknown>): Route {
  return {
    bodyBytesMax: JSON_BYTES_MAX,
    run: async (body) => ({ kind: 'json', value: await run(parsed(body)) }),
  };
}

function frame(run: (body: unknown) => Promise<Buffer>): Route {
  return {
    bodyBytesMax: JSON_BYTES_MAX,
    run: async (body) => ({ kind: 'frame', frame: await run(parsed(body)) }),
  };
}

function parsed(body: Buffer): unknown {
  return body.length === 0 ? {} : parseJson(body.toString('utf8'), 'a request');
}
