/** A TCP server that speaks MongoDB's wire protocol in front of DocumentDB. Loopback only, no authentication. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { runCommand, type Session } from './commands.ts';
import { CursorTable } from './cursors.ts';
import { openDatabase } from './documentdb-sql.ts';
import { errorReply } from './mongo-errors.ts';
import { MessageSplitter, namespaceOf, type Request, readRequest, writeReply } from './wire.ts';

/** Requests of one connection that wait for their turn; a driver has one under way. */
const QUEUE_MAX = 100;

export interface Gateway extends AsyncDisposable {
  readonly url: string;
  /** Cursors that are open. */
  cursors(): number;
}

/** `socketFolder`: where PostgreSQL listens. */
export async function startGateway(socketFolder: string, port = 0): Promise<Gateway> {
  const database = openDatabase(socketFolder);
  const cursors = new CursorTable();
  const sockets = new Set<Socket>();
  let connections = 0;

  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket, { database, cursors, connectionId: connections, clock: Date.now });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: bound } = server.address() as AddressInfo;

  return {
    url: `mongodb://127.0.0.1:${bound}`,
    cursors: () => cursors.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await database[Symbol.asyncDispose]();
    },
  };
}

/** Requests of one connection are answered one after the other, in order. */
function serve(socket: Socket, session: Session): void {
  const splitter = new MessageSplitter();
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();

  socket.on('data', (chunk) => {
    try {
      for (const message of splitter.push(chunk)) {
        const request = readRequest(message);
        waiting += 1;
        last = last
          .then(() => answer(socket, request, session))
          .finally(() => {
            waiting -= 1;
            if (waiting < QUEUE_MAX) socket.resume();
          });
      }
      if (waiting >= QUEUE_MAX) socket.pause();
    } catch {
      // Not MongoDB's protocol: as mongod, hang up.
      socket.destroy();
    }
  });
}

async function answer(socket: Socket, request: Request, session: Session): Promise<void> {
  let document: Uint8Array;
  try {
    document = await runCommand(request, session);
  } catch (error) {
    document = errorReply(error, namespaceOf(request));
  }
  if (request.wantsReply && socket.writable) socket.write(writeReply(request, document));
}
