import { gunzipSync } from 'node:zlib';
import { Agent, request } from 'undici';
import { type Limit, limitOf } from './rate.ts';

const AT_ONCE = 32;

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** undici fetching all feeds of a world: whole, compressed, and as 304s. */
export async function fetchLimits(urls: readonly string[], runs: number): Promise<Limit[]> {
  const answers = new Map<string, Answer>();
  const fetchAll = (headersFor: (url: string) => Record<string, string>, status: number) => async (): Promise<void> => {
    await using agent = disposable(new Agent({ connections: 1 }));
    await eachAtOnce(urls, async (url) => {
      const response = await request(url, { dispatcher: agent.agent, headers: headersFor(url) });
      const body = Buffer.from(await response.body.arrayBuffer());
      if (response.statusCode !== status) throw new Error(`${url} answered ${response.statusCode}, not ${status}`);
      if (status === 304) return;
      const { etag, 'last-modified': lastModified } = response.headers;
      answers.set(url, { status, body, etag: etag?.toString(), lastModified: lastModified?.toString() });
    });
  };
  const plain = await limitOf(
    'undici, whole feeds',
    'feeds',
    urls.length,
    runs,
    fetchAll(() => ({}), 200),
  );
  const gzip = await limitOf(
    'undici, whole feeds as gzip, not decompressed',
    'feeds',
    urls.length,
    runs,
    fetchAll(() => ({ 'accept-encoding': 'gzip' }), 200),
  );
  const bodies = [...answers.values()].map((answer) => answer.body);
  const gunzip = await limitOf('node:zlib, gunzipSync', 'feeds', bodies.length, runs, () => {
    for (const body of bodies) if (body[0] === 0x1f) gunzipSync(body);
  });
  const conditional = (url: string): Record<string, string> => validatorsOf(answers.get(url));
  const unchanged = await limitOf('undici, 304s', 'feeds', urls.length, runs, fetchAll(conditional, 304));
  return [plain, gzip, gunzip, unchanged];
}

function validatorsOf(answer: Answer | undefined): Record<string, string> {
  return {
    'accept-encoding': 'gzip',
    ...(answer?.etag === undefined ? {} : { 'if-none-match': answer.etag }),
    ...(answer?.lastModified === undefined ? {} : { 'if-modified-since': answer.lastModified }),
  };
}

async function eachAtOnce(urls: readonly string[], work: (url: string) => Promise<void>): Promise<void> {
  const left = urls.values();
  const worker = async (): Promise<void> => {
    for (const url of left) await work(url);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function disposable(agent: Agent): AsyncDisposable & { agent: Agent } {
  return { agent, [Symbol.asyncDispose]: () => agent.destroy() };
}
