import type { FastifyInstance } from 'fastify';
import { siteError } from './errors.ts';
import type { Site } from './site.ts';

/** Fields of a wish, and characters of each. */
const FIELDS_MAX = 10;
const FIELD_CHARS_MAX = 200;

/**
 * What the replicator does, and what an operator wishes of it, for programs: `GET /replication`, `POST /replication/NAME`
 * with `action` and its options as a form or as JSON.
 */
export function addReplicationRoutes(app: FastifyInstance, { options }: Site): void {
  app.get('/replication', async (_request, reply) =>
    reply.header('cache-control', 'no-store').send(options.replicationStatus?.() ?? []),
  );
  app.post('/replication/:name', async (request, reply) => {
    const { name } = request.params as { name: string };
    const { action, ...fields } = fieldsOf(request.body);
    const wish = await options.replicationWish?.(name, action ?? '', fields);
    return reply.header('cache-control', 'no-store').send({ name, wish: wish ?? null });
  });
}

function fieldsOf(body: unknown): Record<string, string> {
  if (body === null || typeof body !== 'object') return {};
  const entries = Object.entries(body);
  const isFine = entries.length <= FIELDS_MAX && entries.every(([, value]) => String(value).length <= FIELD_CHARS_MAX);
  if (!isFine) throw siteError('SITE_FORM_INVALID', 'There are too many fields, or one is too long.');
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}
