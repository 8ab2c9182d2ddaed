import type { FastifyInstance } from 'fastify';
import { fieldsOf } from './input.ts';
import type { Site } from './site.ts';

/**
 * Whether the crawlers are paused, for programs: `GET /crawlers`, `POST /crawlers/pause` with `reason`, `timeout`, `wait`
 * and `readOnly`, `POST /crawlers/resume` with `timeout` and `wait`, as a form or as JSON.
 */
export function addCrawlersRoutes(app: FastifyInstance, { options: { crawlers } }: Site): void {
  if (crawlers === undefined) return;
  app.get('/crawlers', async (_request, reply) =>
    reply.header('cache-control', 'no-store').send(await crawlers.status()),
  );
  app.post('/crawlers/pause', async (request, reply) =>
    reply.header('cache-control', 'no-store').send(await crawlers.pause(fieldsOf(request.body))),
  );
  app.post('/crawlers/resume', async (request, reply) =>
    reply.header('cache-control', 'no-store').send(await crawlers.resume(fieldsOf(request.body))),
  );
}
