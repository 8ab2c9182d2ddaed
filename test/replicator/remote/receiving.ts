/** A receiver on a store, and targets that reach it, as tests want them. */
import type { Test } from 'tap';
import { httpsTarget } from '../../../replicator/remote/https-target.ts';
import { type ReceiverOptions, type RunningReceiver, startReceiver } from '../../../replicator/remote/receive.ts';
import { realRuntime } from '../../../replicator/runtime.ts';
import type { Target } from '../../../replicator/target.ts';
import type { Store } from '../../../store/contract.ts';
import { startTcpProxy, type TcpProxy } from '../../rig/tcp-proxy.ts';

export const TOKEN = 'a-token-that-only-tests-have';

export async function receiverFor(
  t: Test,
  store: Store,
  over: Partial<ReceiverOptions> = {},
): Promise<RunningReceiver> {
  const receiver = await startReceiver({
    ...{ store, engine: store.engine, listen: { host: '127.0.0.1', port: 0 }, token: TOKEN, tls: null },
    ...{ runtime: realRuntime, ...over, limits: { wrongTokenMs: 50, ...over.limits } },
  });
  t.teardown(() => receiver.close());
  return receiver;
}

export function targetAt(t: Test, url: string, token = TOKEN, ca?: string): Target {
  const target = httpsTarget(url, { token, runtime: realRuntime, ...(ca !== undefined && { ca }) });
  t.teardown(() => target.close().catch(() => {}));
  return target;
}

export async function proxyBefore(t: Test, receiver: RunningReceiver): Promise<TcpProxy & { readonly url: string }> {
  const { hostname: host, port } = new URL(receiver.url);
  const proxy = await startTcpProxy({ host, port: Number(port) });
  t.teardown(() => proxy[Symbol.asyncDispose]());
  return { ...proxy, url: `${new URL(receiver.url).protocol}//127.0.0.1:${proxy.port}` };
}
