import { addressGuard, isForbiddenAddress } from '../crawler/address-guard.ts';
import { WEBSUB_ERRORS } from '../crawler/websub/errors.ts';
import { pushedUntil } from '../crawler/websub/subscription.ts';
import { allNotes } from '../crawler/websub/sweep.ts';
import type { Store } from '../store/contract.ts';
import { codeOf } from '../store/errors.ts';
import { type Check, ok, warn } from './doctor-checks.ts';
import type { Settings } from './setting-table.ts';
import { counted } from './text.ts';

type HubSettings = Pick<Settings, 'publicUrl' | 'allowPrivateNetworks'>;

/** Whether hubs can call back, as far as that can be told without asking anybody. Nothing where no hub is to push. */
export async function checkHubs(settings: HubSettings, store: Store | null): Promise<Check[]> {
  const { publicUrl } = settings;
  if (publicUrl === '') return [];
  const { protocol, hostname } = new URL(publicUrl);
  if (isInside(hostname, settings)) {
    const advice = 'Give --public-url the address under which the internet reaches this site, or none.';
    return [warn('hubs', `Hubs on the internet can't call back at ${publicUrl}`, advice)];
  }
  if (protocol === 'http:') {
    const advice = 'Use https: docs/websub.md.';
    return [warn('hubs', `What hubs push to ${publicUrl} can be read and changed on the way`, advice)];
  }
  if (store === null) return [];
  try {
    const { pushed, waiting, unverified } = await subscriptionsOf(store);
    const message = `${publicUrl}: hubs push ${counted(pushed, 'feed')}, ${waiting} wait for one`;
    if (pushed > 0 || unverified === 0) return [ok('hubs', message)];
    return [warn('hubs', `${message}: WEBSUB_NOT_VERIFIED`, `${WEBSUB_ERRORS.WEBSUB_NOT_VERIFIED} docs/websub.md.`)];
  } catch (error) {
    return [warn('hubs', `It can't be read: ${codeOf(error)}`, 'Look at the check of the store.')];
  }
}

function isInside(hostname: string, { allowPrivateNetworks }: HubSettings): boolean {
  const isLocal = /(^|\.)localhost$/.test(hostname);
  return isForbiddenAddress(addressGuard({ allowPrivate: allowPrivateNetworks }), isLocal ? '127.0.0.1' : hostname);
}

async function subscriptionsOf({ control }: Store): Promise<{ pushed: number; waiting: number; unverified: number }> {
  const counts = { pushed: 0, waiting: 0, unverified: 0 };
  for await (const page of allNotes(control)) {
    for (const { state } of page) {
      if (state.offer === null) continue;
      if (pushedUntil(state) !== null) counts.pushed += 1;
      else counts.waiting += 1;
      if (state.lastError?.code === 'WEBSUB_NOT_VERIFIED') counts.unverified += 1;
    }
  }
  return counts;
}
