import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HubAnswer, HubDelivery, Site } from './site.ts';

/** Where hubs call back. */
export const HUB_PATH = '/websub/';

/** Longest time for one push with all that it brings, ms. */
const PUSH_MS_MAX = 60_000;

const DELIVERY = Symbol('delivery');

/**
 * Hubs ask by GET whether a subscription is meant, and POST what is new. Whoever knows the path may: it is as good as a
 * password. A push is received only once its path is known; its body is taken as the bytes that were signed.
 */
export function addHubRoutes(app: FastifyInstance, { options }: Site): void {
  const { hubs } = options;
  if (hubs === undefined) return;
  app.get(`${HUB_PATH}:path`, { exposeHeadRoute: false }, async (request, reply) => {
    const query = request.query as Readonly<Record<string, unknown>>;
    return answer(reply, await hubs.confirm(pathOf(request), query));
  });
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.addHook('onRequest', async (request, reply) => {
      const admitted = await hubs.admit(pathOf(request));
      if ('status' in admitted) return answer(reply, admitted);
      // Called however the request ends, also where the hub hangs up.
      reply.raw.once('close', () => admitted.end());
      (request as Admitted)[DELIVERY] = admitted;
    });
    const limits = { bodyLimit: hubs.bodyBytesMax, handlerTimeout: PUSH_MS_MAX };
    scope.post(`${HUB_PATH}:path`, limits, async (request, reply) => {
      const { body } = request;
      const bytes = body instanceof Uint8Array ? body : new Uint8Array();
      const { 'x-hub-signature': signature, 'content-type': contentType = null } = request.headers;
      const text = Array.isArray(signature) ? signature[0] : signature;
      const answered = await (request as Admitted)[DELIVERY]?.push({ signature: text, contentType }, bytes);
      return answer(reply, answered ?? { status: 404, body: '' });
    });
  });
}

type Admitted = FastifyRequest & { [DELIVERY]?: HubDelivery };

function pathOf(request: FastifyRequest): string {
  return (request.params as { path?: string }).path ?? '';
}

function answer(reply: FastifyReply, { status, body, retryAfterS }: HubAnswer): FastifyReply {
  if (retryAfterS !== undefined) reply.header('retry-after', retryAfterS);
  return reply.status(status).type('text/plain; charset=utf-8').header('cache-control', 'no-store').send(body);
}
