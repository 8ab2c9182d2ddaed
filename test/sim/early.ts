import type { Push, Target, TargetSession } from '../../replicator/target.ts';
import type { Replica } from '../../store/contract.ts';

/** The mistake `checkpoint-early`: a checkpoint speaks of the documents that come with it, and is saved before them. */
export function earlyTarget(target: Target): Target {
  return { ...target, connect: async (hello) => early(await target.connect(hello)) };
}

function early(session: TargetSession): TargetSession {
  const push = async (sent: Push) => {
    const { checkpoint, docs } = sent;
    if (checkpoint) {
      const vector: Record<string, number> = { ...checkpoint.vector };
      // In memory a document still shows its place at the source.
      for (const { slot, n } of docs as readonly (Replica<unknown> & { slot: number; n: number })[]) {
        vector[slot] = Math.max(vector[slot] ?? 0, n);
      }
      await session.push({ ...sent, docs: [], checkpoint: { ...checkpoint, vector } });
    }
    return await session.push({ ...sent, checkpoint: null });
  };
  const close = () => session.close();
  return { info: session.info, checkpoints: session.checkpoints, push, close, [Symbol.asyncDispose]: close };
}
