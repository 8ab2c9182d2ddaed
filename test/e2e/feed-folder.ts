import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, relative } from 'node:path';

export interface FeedFolder extends AsyncDisposable {
  readonly urls: string[];
  readonly opml: string;
  /** What was asked and what was answered, in order. */
  readonly requests: { readonly path: string; readonly status: number; readonly conditional: boolean }[];
}

const TYPES: Record<string, string> = { '.atom': 'application/atom+xml', '.json': 'application/feed+json' };

/** Serves every file of a folder (or of its sub-folders' `feed.*`) as a feed on loopback, with ETags and 304s. */
export async function serveFeedFolder(folder: string): Promise<FeedFolder> {
  const files = await feedFiles(folder);
  const requests: { path: string; status: number; conditional: boolean }[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const path = decodeURIComponent(request.url ?? '/');
    const file = files.get(path);
    const status = file === undefined ? 404 : request.headers['if-none-match'] === file.etag ? 304 : 200;
    requests.push({ path, status, conditional: request.headers['if-none-match'] !== undefined });
    if (file === undefined) response.writeHead(404).end();
    else if (status === 304) response.writeHead(304, { etag: file.etag }).end();
    else response.writeHead(200, { etag: file.etag, 'content-type': file.type }).end(file.body);
  };
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const urls = [...files.keys()].map((path) => `http://127.0.0.1:${port}${encodeURI(path)}`);
  return {
    urls,
    opml: `<opml version="2.0"><body>${urls.map((url) => `<outline type="rss" text="x" xmlUrl="${url}"/>`).join('')}</body></opml>`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function feedFiles(folder: string): Promise<Map<string, { body: Buffer; etag: string; type: string }>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = new Map<string, { body: Buffer; etag: string; type: string }>();
  for (const entry of names.sort((a, b) => (join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1))) {
    const path = join(entry.parentPath, entry.name);
    if (entry.name === 'expected.json' || entry.name.endsWith('.md')) continue;
    const body = await readFile(path);
    const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;
    const type = TYPES[extname(entry.name)] ?? 'application/xml';
    files.set(`/${relative(folder, path)}`, { body, etag, type });
  }
  return files;
}
