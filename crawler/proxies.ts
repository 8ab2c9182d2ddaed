/** Connections by way of the proxies that operators have set for single feeds. */
import { type Dispatcher, ProxyAgent } from 'undici';

/** Kept open at once; of more, the one that was used longest ago is closed. */
const PROXIES_MAX = 16;

export interface ProxyOptions {
  readonly perOriginMax: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly headerBytesMax: number;
  /** PEM certificates to trust besides the public ones. */
  readonly ca?: string;
}

export class Proxies implements AsyncDisposable {
  readonly #options: ProxyOptions;
  readonly #agents = new Map<string, ProxyAgent>();

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  agent(url: string): Dispatcher {
    const agent = this.#agents.get(url) ?? this.#open(url);
    this.#agents.delete(url);
    this.#agents.set(url, agent);
    const [oldest] = this.#agents;
    if (oldest !== undefined && this.#agents.size > PROXIES_MAX) {
      this.#agents.delete(oldest[0]);
      // What is under way ends by itself.
      oldest[1].close().catch(() => {});
    }
    return agent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  #open(url: string): ProxyAgent {
    const { perOriginMax, connectTimeoutMs, idleTimeoutMs, headerBytesMax, ca } = this.#options;
    const tls = ca === undefined ? {} : { requestTls: { ca }, proxyTls: { ca } };
    return new ProxyAgent({
      ...{ uri: url, connections: perOriginMax, pipelining: 1, allowH2: false, maxHeaderSize: headerBytesMax },
      ...{ connectTimeout: connectTimeoutMs, headersTimeout: 0, bodyTimeout: idleTimeoutMs },
      ...tls,
    });
  }
}
