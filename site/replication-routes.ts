import type { FastifyInstance } from 'fastify';
import { fieldsOf } from './input.ts';
import type { Site } from './site.ts';

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
