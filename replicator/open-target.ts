import { openStore } from '../store/open.ts';
import { storeTarget } from './applying/store-target.ts';
import type { Runtime } from './runtime.ts';
import type { Target } from './target.ts';

export interface OpenTargetOptions {
  /** `https://`: what `feedferry receive` was given. */
  readonly token?: string;
  /** `https://`: certificates (PEM) of the authority that signed the other end's, where it is no public one. */
  readonly ca?: string;
  readonly runtime: Runtime;
  /** Fail with STORE_MISSING where there is no store yet, rather than make one. Default false. */
  readonly mustExist?: boolean;
}

/** A destination by its URL: a store, or `https://...` of `feedferry receive`. Throws STORE_* and what the wire throws. */
export async function openTarget(url: string, options: OpenTargetOptions): Promise<Target> {
  const { token, ca, runtime, mustExist = false } = options;
  if (/^https?:\/\//.test(url)) {
    const { httpsTarget } = await import('./remote/https-target.ts');
    return httpsTarget(url, { token: token ?? '', ...(ca !== undefined && { ca }), runtime });
  }
  const store = await openStore(url, { clock: runtime.clock, mustExist });
  return storeTarget(store, { engine: store.engine, runtime, close: () => store.close() });
}
