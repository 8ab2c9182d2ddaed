import { givenService, type Service, startService } from './service.ts';

let service: Promise<Service> | undefined;

/**
 * A MongoDB-compatible server for tests. In this order: `FEEDFERRY_TEST_MONGODB_URL`; a `mongod` on the PATH; the
 * DocumentDB rig (root on Debian); else the reason why there is none. The URL has no database name: every test appends
 * a random one, and drops that database afterwards. A server that is started here ends with this process.
 */
export function mongodbUrl(): Promise<Service> {
  service ??= Promise.resolve(givenService('mongodb') ?? startService('mongodb'));
  return service;
}
