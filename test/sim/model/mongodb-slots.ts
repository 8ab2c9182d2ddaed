import { storeError } from '../../../store/errors.ts';
import type { Caller } from './call.ts';
import { type DatabaseState, type Slot, slotOf, WINDOW } from './disk.ts';
import { readOnly } from './sqlite-writer.ts';

/** A lease whose writer gave no sign for so long, by the server's clock, is taken over. */
const LEASE_MS_MAX = 60_000;

/** What one lease of a slot knows of itself. */
export interface Lease {
  readonly slot: number;
  readonly epoch: number;
  readonly stable: number;
  /** Of the database when it was leased. */
  isReplica: boolean;
  /** When its writer gave up, and with it every sign of life. */
  lostAt: number | undefined;
}

/** A free slot, after those of the dead were taken over, or else a new one. */
export async function leaseSlot(caller: Caller, state: DatabaseState, owner: string): Promise<Lease> {
  const { disk, proc } = caller;
  const isDead = ({ state, beat }: Slot) => state !== 'free' && beat() < proc.world.now - LEASE_MS_MAX;
  const dead = await caller.call(`looks for slots of ${state.name}`, () => {
    if (state.mode === 'read-only') throw readOnly(state);
    return [...state.slots.values()].filter(isDead).map(({ slot, epoch }) => ({ slot, epoch }));
  });
  for (const { slot, epoch } of dead) await takeOver(caller, state, slot, epoch);
  const now = proc.world.now;
  const lease = await caller.call(`leases a slot of ${state.name}`, () => {
    const free = [...state.slots.values()].find((slot) => slot.state === 'free');
    const slot = free ?? disk.newSlot(state, 'leased');
    if (free) slot.epoch += 1;
    slot.state = 'leased';
    slot.owner = owner;
    const made: Lease = {
      slot: slot.slot,
      epoch: slot.epoch,
      stable: slot.stable,
      isReplica: false,
      lostAt: undefined,
    };
    slot.beat = () => made.lostAt ?? Math.max(now, proc.seenAlive());
    proc.trace.add(proc.name, () => `leased slot ${slot.slot} of ${state.name}, epoch ${slot.epoch}`);
    return made;
  });
  // The mode may have changed after it was read, and this slot been leased after those to fence were listed.
  const mode = await caller.call(`confirms the mode of ${state.name}`, () => state.mode);
  lease.isReplica = mode === 'replica';
  if (mode !== 'read-only') return lease;
  await release(caller, state, lease, lease.stable);
  throw readOnly(state);
}

/** Stores `stable`. False: the slot is not this writer's any more. */
export function publish(caller: Caller, state: DatabaseState, lease: Lease, stable: number): Promise<boolean> {
  const { disk } = caller;
  return caller.call(
    () => `publishes ${stable} in slot ${lease.slot} of ${state.name}`,
    () => {
      const slot = slotOf(state, lease.slot);
      const isOwn = slot.epoch === lease.epoch && slot.state === 'leased';
      if (!isOwn && disk.mistake !== 'no-epoch-fence') return false;
      if (stable > slot.stable) slot.stable = stable;
      return true;
    },
    true,
  );
}

/** Gives the slot back. Only with every number up to `stable` resolved and none beyond it taken. */
export function release(caller: Caller, state: DatabaseState, lease: Lease, stable: number): Promise<void> {
  return caller.call(`gives slot ${lease.slot} of ${state.name} back`, () => {
    const slot = slotOf(state, lease.slot);
    if (slot.epoch !== lease.epoch || slot.state !== 'leased') return;
    slot.state = 'free';
    slot.owner = '';
    slot.stable = stable;
  });
}

/** Fences whoever writes in this slot: it can't publish any more, then every number that it may have used is filled. */
export async function takeOver(caller: Caller, state: DatabaseState, number: number, ifEpoch?: number): Promise<Slot> {
  const { disk, proc } = caller;
  const found = state.slots.get(number);
  if (!found) throw storeError('STORE_CORRUPT', `no slot ${number}`);
  const now = proc.world.now;
  const revoked = await caller.call(`revokes slot ${number} of ${state.name}`, () => {
    const slot = slotOf(state, number);
    if (slot.state === 'free' || (ifEpoch !== undefined && slot.epoch !== ifEpoch)) return null;
    if (slot.state === 'leased') {
      slot.state = 'taking';
      slot.owner = '';
      slot.epoch += 1;
      slot.beat = () => now;
    }
    return { stable: slot.stable, epoch: slot.epoch };
  });
  if (!revoked) return slotOf(state, number);
  const { stable } = revoked;
  const half = stable + (WINDOW >> 1);
  for (const [from, to] of disk.mistake === 'no-hole-fence'
    ? []
    : [[stable, half] as const, [half, stable + WINDOW] as const]) {
    await caller.call(`fills slot ${number} of ${state.name} from ${from + 1} to ${to}`, () => {
      const { places } = slotOf(state, number);
      for (let n = from + 1; n <= to; n += 1) if (!places.has(n)) places.set(n, null);
    });
  }
  return await caller.call(`frees slot ${number} of ${state.name}`, () => {
    const slot = slotOf(state, number);
    if (slot.state !== 'taking' || slot.stable !== stable) return slot;
    slot.stable = stable + WINDOW;
    slot.state = 'free';
    proc.trace.add(proc.name, () => `took slot ${number} of ${state.name} over, stable ${slot.stable}`);
    return slot;
  });
}
