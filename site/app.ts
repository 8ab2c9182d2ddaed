import formbody from '@fastify/formbody';
import multipart from '@fastify/multipart';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Done, Sent } from './actions/action.ts';
import { addCrawlersRoutes } from './crawlers-routes.ts';
import { siteError } from './errors.ts';
import { isOwnHost, isSameOrigin, SECURITY_HEADERS } from './guard.ts';
import { addHubRoutes, HUB_PATH } from './hub-routes.ts';
import { Fields } from './input.ts';
import { withNotice } from './notices.ts';
import type { Safe } from './pages/html.ts';
import { layout } from './pages/layout.ts';
import { troublePage } from './pages/trouble.ts';
import { feedOfArticle } from './reader-states.ts';
import { tokenCookie, tokenIn } from './reader-token.ts';
import { addReplicationRoutes } from './replication-routes.ts';
import { ACTIONS, type ActionRoute, PAGES } from './routes.ts';
import type { Site } from './site.ts';
import { STATIC_FOLDER, STATIC_MS_MAX, staticFile } from './static-files.ts';
import { troubleOf } from './trouble.ts';
import { type Page, type Visit, visitOf } from './visit.ts';

/** Longest time to receive a request, ms. */
const RECEIVE_MS_MAX = 30_000;
/** A connection on which nothing moves; longer than the slowest action. */
const IDLE_MS_MAX = 150_000;
const KEEP_ALIVE_MS = 15_000;
const FORM_BYTES_MAX = 64 * 1024;
const UPLOAD_BYTES_MAX = 10 * 1024 * 1024;
const CONNECTIONS_MAX = 1_000;
/** Tells browsers and probes when to come back. */
const RETRY_AFTER_S = 30;

/** The web application, not yet listening. */
export async function buildApp(site: Site): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: site.options.log.child({}),
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: RECEIVE_MS_MAX,
    connectionTimeout: IDLE_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    bodyLimit: FORM_BYTES_MAX,
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: true },
    // An address that cannot be decoded gets no further than the router: no hook has run.
    frameworkErrors: (error, request, reply) => void sendTrouble(site, error, request, reply.headers(SECURITY_HEADERS)),
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  const { requestBegan } = site.options;
  if (requestBegan)
    app.server.prependListener('request', (_request, response) => response.once('close', requestBegan()));
  addGuards(app, site);
  await app.register(formbody, { bodyLimit: FORM_BYTES_MAX });
  await app.register(multipart, {
    limits: { fileSize: UPLOAD_BYTES_MAX, files: 1, fields: 5, parts: 6, fieldSize: 1_000 },
  });
  await app.register(fastifyStatic, {
    root: STATIC_FOLDER,
    prefix: '/static/',
    index: false,
    maxAge: STATIC_MS_MAX,
    immutable: true,
  });
  addPlainRoutes(app, site);
  addReplicationRoutes(app, site);
  addCrawlersRoutes(app, site);
  addHubRoutes(app, site);
  addPages(app, site);
  addActions(app, site);
  addTrouble(app, site);
  return app;
}

function addGuards(app: FastifyInstance, site: Site): void {
  const hosts = [...site.options.hosts, site.options.listen.host];
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    // No browser has business there, and the path is a secret; a proxy may have left its own name for us.
    if (request.url.startsWith(HUB_PATH)) return;
    if (request.url !== '/healthz' && !isOwnHost(request.headers.host, hosts)) {
      const input = request.headers.host?.slice(0, 200) ?? '';
      throw siteError('SITE_HOST_UNKNOWN', `This site does not answer to the name "${input}".`, { input });
    }
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead && !isSameOrigin(request.headers)) {
      throw siteError('SITE_CROSS_ORIGIN', 'The button was pressed on a page of another site.', {
        input: request.headers.origin ?? '',
      });
    }
  });
  app.addHook('onResponse', async (_request, reply) => {
    const { requests } = site.metrics;
    const status = reply.statusCode;
    if (status < 300) requests.ok += 1;
    else if (status < 400) requests.redirected += 1;
    else if (status < 500) requests.refused += 1;
    else requests.failed += 1;
    site.metrics.requestMs += reply.elapsedTime;
  });
}

function addPlainRoutes(app: FastifyInstance, site: Site): void {
  const { metricsText, exportOpml } = site.options;
  const icon = staticFile('favicon.svg');
  app.get('/healthz', async (_request, reply) => {
    return reply.header('cache-control', 'no-store').send(await healthOf(site));
  });
  app.get('/metrics', async (_request, reply) =>
    reply
      .type('text/plain; version=0.0.4; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(await metricsText()),
  );
  app.get('/robots.txt', async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send('User-agent: *\nDisallow: /\n'),
  );
  for (const url of ['/favicon.svg', '/favicon.ico']) {
    app.get(url, async (_request, reply) =>
      reply.type('image/svg+xml').header('cache-control', 'max-age=86400').send(icon),
    );
  }
  app.get('/opml/export', async (_request, reply) => {
    const shelf = await site.reading.shelf();
    const feeds = shelf.feeds.flatMap(({ heading, title, folder }) =>
      heading === null ? [] : [{ url: heading.url, title, siteUrl: heading.siteUrl, folder }],
    );
    return reply
      .type('text/x-opml; charset=utf-8')
      .header('content-disposition', 'attachment; filename="feedferry.opml"')
      .header('cache-control', 'no-store')
      .send(exportOpml(feeds));
  });
}

/** Where the store does not answer, and pages are made from a replica, readers need not be sent elsewhere. */
async function healthOf({ options, reading }: Site): Promise<Record<string, unknown>> {
  const { engine, site, url } = options.store;
  try {
    await reading.reads.orDown(options.store.health());
    return { ok: true, engine, site };
  } catch (error) {
    if (!reading.reads.canGoOnAfter(error)) throw error;
    return { ok: true, engine, site, degraded: `${url} does not answer; pages are made from a copy` };
  }
}

function addPages(app: FastifyInstance, site: Site): void {
  for (const { url, page, msMax } of PAGES) {
    app.get(url, { handlerTimeout: msMax }, async (request, reply) => {
      takeToken(site, request);
      return site.reading.reads.asOne(async () => {
        const visit = await visitOf(site, request);
        return sendPage(site, reply, visit, await page(site, visit));
      });
    });
  }
}

function addActions(app: FastifyInstance, site: Site): void {
  for (const route of ACTIONS) {
    app.post(route.url, { handlerTimeout: route.msMax }, async (request, reply) => {
      takeToken(site, request);
      const done = await route.action(site, await sentOf(request, route));
      if (route.bringsArticles) await giveToken(site, reply);
      return finish(site, request, reply, done);
    });
  }
}

/** What this reader must find, as another process of this site, or this one before a restart, told the browser. */
function takeToken({ reading, options }: Site, request: FastifyRequest): void {
  const positions = reading.reads.hasReplicas ? tokenIn(request.headers.cookie) : null;
  if (positions !== null) reading.token.needs(positions, options.clock());
}

/** From now on the reader finds what the action brought in, wherever they read. */
async function giveToken({ reading, options }: Site, reply: FastifyReply): Promise<void> {
  const { reads, token } = reading;
  if (!reads.hasReplicas) return;
  token.needs(await reads.primaryPositions(), options.clock());
  reply.header('set-cookie', tokenCookie(token.positions, reads.stalenessMsMax));
}

async function sentOf(request: FastifyRequest, { isUpload }: ActionRoute): Promise<Sent> {
  const params = request.params as Record<string, string | undefined>;
  if (!isUpload) return { fields: new Fields(request.body), params, file: null };
  const part = await request.file();
  const file = part === undefined ? null : await part.toBuffer();
  // The plugin sees the limit only where more of the file follows.
  if (part?.file.truncated) throw siteError('SITE_BODY_TOO_LARGE', 'The file is too large.');
  return { fields: new Fields({}), params, file };
}

/** A page goes to the next page; its script gets the state of the article and the counts as JSON. */
async function finish(site: Site, request: FastifyRequest, reply: FastifyReply, done: Done): Promise<FastifyReply> {
  if ('page' in done) {
    const visit = await visitOf(site, request);
    return sendPage(site, reply, visit, done.page(visit));
  }
  if (wantsJson(request)) return reply.header('cache-control', 'no-store').send(await stateOf(site, request));
  const to = done.notice === undefined ? done.to : withNotice(done.to, done.notice, done.n);
  return reply.redirect(to, 303);
}

/** Unread counts, by the keys that `data-count` of the pages has. */
async function stateOf(site: Site, request: FastifyRequest): Promise<{ counts: Record<string, number> }> {
  const shelf = await site.reading.shelf();
  const { id } = request.params as { id?: string };
  const feed = shelf.byId.get(feedOfArticle(id ?? ''));
  const counts: Record<string, number> = { all: shelf.unread };
  if (feed !== undefined) counts[`feed:${feed.id}`] = feed.unread;
  const folder = shelf.folders.find(({ name }) => name === feed?.folder);
  if (folder !== undefined) counts[`folder:${folder.name}`] = folder.unread;
  return { counts };
}

/** Errors become pages, are counted, and are logged once: ours as errors, those of a request in detail only. */
function addTrouble(app: FastifyInstance, site: Site): void {
  app.setErrorHandler(async (thrown, request, reply) => sendTrouble(site, thrown, request, reply));
  const methods = methodsByPath();
  app.setNotFoundHandler(async (request, reply) => {
    const path = (request.url.split('?', 1)[0] ?? '').replace(/(?<=.)\/$/, '');
    const allowed = methods(path);
    if (allowed.length === 0)
      throw siteError('SITE_PAGE_UNKNOWN', 'There is no such page.', { input: path.slice(0, 200) });
    reply.header('allow', allowed.join(', '));
    throw siteError('SITE_METHOD_UNSUPPORTED', `${request.method} does nothing here.`, { input: path.slice(0, 200) });
  });
}

/** What answers with JSON where all is well. */
const FOR_PROGRAMS = /^\/(crawlers|replication)(\/|\?|$)/;

function sendTrouble(site: Site, thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const trouble = troubleOf(thrown);
  const { status, code, error } = trouble;
  const about = { err: error.cause ?? error, code, method: request.method, path: request.url };
  if (status >= 500 && !trouble.isReadOnly) request.log.error(about, error.message);
  else request.log.debug(about, error.message);
  if (status === 503) reply.header('retry-after', RETRY_AFTER_S);
  if (wantsJson(request)) return reply.status(status).send({ error: error.toJSON() });
  return sendHtml(reply.status(status), layout({ asset: site.asset, visit: null }, troublePage(trouble)));
}

/** What can be done with a path: for 405, which fastify does not tell from 404. */
function methodsByPath(): (path: string) => string[] {
  const pattern = (url: string) => new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`);
  const gets = [
    ...PAGES.map(({ url }) => url),
    '/healthz',
    '/metrics',
    '/robots.txt',
    '/favicon.svg',
    '/opml/export',
    '/replication',
    '/crawlers',
    `${HUB_PATH}:path`,
  ].map(pattern);
  const posts = [
    ...ACTIONS.map(({ url }) => url),
    '/replication/:name',
    '/crawlers/pause',
    '/crawlers/resume',
    `${HUB_PATH}:path`,
  ].map(pattern);
  return (path) => [
    ...(gets.some((one) => one.test(path)) ? ['GET', 'HEAD'] : []),
    ...(posts.some((one) => one.test(path)) ? ['POST'] : []),
  ];
}

function sendPage(site: Site, reply: FastifyReply, visit: Visit, page: Page): FastifyReply {
  return sendHtml(reply.status(page.status ?? 200), layout({ asset: site.asset, visit }, page));
}

function sendHtml(reply: FastifyReply, document: Safe): FastifyReply {
  return reply.type('text/html; charset=utf-8').header('cache-control', 'private, no-cache').send(document.text);
}

function wantsJson({ headers: { accept = '' }, url }: FastifyRequest): boolean {
  return accept.startsWith('application/json') || (FOR_PROGRAMS.test(url) && !accept.includes('text/html'));
}
