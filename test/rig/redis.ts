import { givenService, type Service, startService } from './service.ts';

let service: Promise<Service> | undefined;

/**
 * A Redis for tests: `FEEDFERRY_TEST_REDIS_URL`, or a `redis-server` on the PATH, or the reason why there is none. It
 * keeps nothing on disk; tests use random key prefixes. A server that is started here ends with this process.
 */
export function redisUrl(): Promise<Service> {
  service ??= Promise.resolve(givenService('redis') ?? startService('redis'));
  return service;
}
