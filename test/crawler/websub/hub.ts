/** A hub on loopback, as W3C WebSub wants it: it verifies, signs and distributes, unless a test wants it otherwise. */
import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { httpServer, type TestServer } from '../servers.ts';

/** How a hub can misbehave when it is asked. */
export type Mood =
  | 'proper'
  /** Verifies before it answers. */
  | 'at once'
  /** Takes the request and never asks back. */
  | 'never verifies'
  /** Asks back about something else. */
  | 'wrong topic'
  | 'wrong mode'
  | 'wrong callback'
  /** Says no afterwards. */
  | 'denies'
  /** Says no at once. */
  | 'refuses'
  /** 429 with a Retry-After of three hours. */
  | 'busy'
  /** Breaks the connection off. */
  | 'dead'
  /** Sends the request on to `/other`. */
  | 'moved';

export interface Subscribed {
  readonly topic: string;
  readonly secret: string | null;
  readonly leaseSeconds: number;
}

export interface Asked extends Record<string, string> {}

export interface Delivered {
  readonly status: number;
  readonly retryAfter: string | null;
}

export interface DeliverOptions {
  readonly type?: string;
  readonly hash?: string;
  /** In place of the right one; null: none at all. */
  readonly signature?: string | null;
}

export interface Hub extends TestServer {
  readonly hubUrl: string;
  mood: Mood;
  /** Granted in place of what is asked for; null: not said at all. */
  leaseSeconds: number | null | undefined;
  /** By callback. */
  readonly subscribed: Map<string, Subscribed>;
  /** Every form that came. */
  readonly asked: Asked[];
  /** What subscribers answered when they were asked back: status, and whether the challenge came. */
  readonly answers: { readonly mode: string; readonly status: number; readonly echoed: boolean }[];
  /** Resolves when nobody is being asked back. */
  settled(): Promise<void>;
  /** To all who subscribed to the topic. */
  distribute(topic: string, body: string, options?: DeliverOptions): Promise<Delivered[]>;
  /** To one callback, whatever it is. */
  deliver(callback: string, secret: string | null, body: string, options?: DeliverOptions): Promise<Delivered>;
  /** Asks a subscriber back, as it should or should not. */
  askBack(callback: string, query: Record<string, string>): Promise<{ status: number; text: string }>;
}

export async function startHub(): Promise<Hub> {
  const busy = new Set<Promise<void>>();
  const server = await httpServer((request, response) => void take(request, response));

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (hub.mood === 'dead') return void request.socket.destroy();
    if (hub.mood === 'moved' && request.url === '/') return void response.writeHead(307, { location: '/other' }).end();
    if (hub.mood === 'busy') return void response.writeHead(429, { 'retry-after': '10800' }).end();
    const form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
    hub.asked.push(form);
    if (hub.mood === 'refuses') return void response.writeHead(400, { 'content-type': 'text/plain' }).end('no');
    if (hub.mood === 'at once') {
      await verify(form);
      return void response.writeHead(204).end();
    }
    response.writeHead(202).end();
    if (hub.mood === 'never verifies') return;
    const verifying = verify(form).finally(() => busy.delete(verifying));
    busy.add(verifying);
  }

  async function verify(form: Asked): Promise<void> {
    const { 'hub.mode': mode = '', 'hub.topic': topic = '', 'hub.callback': callback = '' } = form;
    if (hub.mood === 'denies') {
      await hub.askBack(callback, { 'hub.mode': 'denied', 'hub.topic': topic, 'hub.reason': 'not for you' });
      return;
    }
    const challenge = randomBytes(16).toString('hex');
    const lease = hub.leaseSeconds === undefined ? form['hub.lease_seconds'] : hub.leaseSeconds;
    const asks = {
      'hub.mode': hub.mood === 'wrong mode' ? 'unsubscribe' : mode,
      'hub.topic': hub.mood === 'wrong topic' ? `${topic}?other` : topic,
      'hub.challenge': challenge,
      ...(mode === 'subscribe' && lease !== null ? { 'hub.lease_seconds': String(lease) } : {}),
    };
    const to = hub.mood === 'wrong callback' ? callback.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')) : callback;
    const { status, text } = await hub.askBack(to, asks);
    const echoed = text === challenge;
    hub.answers.push({ mode, status, echoed });
    if (status < 200 || status > 299 || !echoed) return;
    if (mode === 'unsubscribe') hub.subscribed.delete(callback);
    else {
      const leaseSeconds = Number(lease ?? form['hub.lease_seconds']);
      hub.subscribed.set(callback, { topic, secret: form['hub.secret'] ?? null, leaseSeconds });
    }
  }

  const hub: Hub = {
    ...server,
    hubUrl: `${server.url}/`,
    mood: 'proper',
    leaseSeconds: undefined,
    subscribed: new Map(),
    asked: [],
    answers: [],
    async settled() {
      while (busy.size > 0) await Promise.allSettled(busy);
    },
    async distribute(topic, body, options) {
      const found = [...hub.subscribed].filter(([, one]) => one.topic === topic);
      return Promise.all(found.map(([callback, { secret }]) => hub.deliver(callback, secret, body, options)));
    },
    async deliver(callback, secret, body, { type = 'application/rss+xml', hash = 'sha256', signature } = {}) {
      const right = secret === null ? null : `${hash}=${createHmac(hash, secret).update(body).digest('hex')}`;
      const signed = signature === undefined ? right : signature;
      const headers = { 'content-type': type, ...(signed === null ? {} : { 'x-hub-signature': signed }) };
      const answer = await fetch(callback, { method: 'POST', headers, body });
      await answer.arrayBuffer();
      return { status: answer.status, retryAfter: answer.headers.get('retry-after') };
    },
    async askBack(callback, query) {
      const answer = await fetch(`${callback}?${new URLSearchParams(query)}`);
      return { status: answer.status, text: await answer.text() };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return hub;
}
