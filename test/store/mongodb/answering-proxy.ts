/**
 * A proxy that knows MongoDB's wire protocol and gives its own answer to chosen commands, before or after the server did
 * its work: failovers, full disks and the like, as a replica set would report them.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Document, serialize } from 'bson';
import { MessageSplitter, type Request, readRequest, writeReply } from '../../rig/wire.ts';

/** `instead`: the server never sees the command. `after`: it does its work, and this answer replaces its own. */
export type Answer = { readonly instead: Document } | { readonly after: (reply: Buffer) => Document };

/** Undefined: the command and its answer pass. */
export type Script = (request: Request) => Answer | undefined;

export interface AnsweringProxy extends AsyncDisposable {
  readonly port: number;
  /** From now on. */
  answer(script: Script): void;
}

const PASS: Script = () => undefined;

export async function startAnsweringProxy(target: { host: string; port: number }): Promise<AnsweringProxy> {
  const sockets = new Set<Socket>();
  let script = PASS;
  const listener = createServer({ noDelay: true }, (client) => {
    const server = connect({ ...target, noDelay: true });
    const replaced = new Map<number, { request: Request; after: (reply: Buffer) => Document }>();
    pump(client, server, (message) => {
      const request = readRequest(message);
      const answer = script(request);
      if (!answer) return server.write(message);
      if ('instead' in answer) return client.write(writeReply(request, serialize(answer.instead)));
      replaced.set(request.id, { request, after: answer.after });
      return server.write(message);
    });
    pump(server, client, (message) => {
      const id = message.readInt32LE(8);
      const other = replaced.get(id);
      replaced.delete(id);
      client.write(other ? writeReply(other.request, serialize(other.after(message))) : message);
    });
    for (const socket of [client, server]) sockets.add(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));

  return {
    port: (listener.address() as AddressInfo).port,
    answer(next) {
      script = next;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** Answers the first `times` commands of this name on this collection so, and lets the others pass. */
export function onCommand(name: string, collection: string, answer: Answer, times = 1): Script {
  let left = times;
  return (request) => {
    if (request.name !== name || request.command[name] !== collection || left === 0) return undefined;
    left -= 1;
    return answer;
  };
}

function pump(from: Socket, to: Socket, take: (message: Buffer) => void): void {
  const splitter = new MessageSplitter();
  from.on('data', (chunk) => {
    for (const message of splitter.push(chunk)) take(message);
  });
  for (const event of ['close', 'error']) from.on(event, () => to.destroy());
}
