import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { worldError } from './errors.ts';

/** Where one host of the world is reached. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

export interface Listeners {
  /** In the order of the hosts. */
  readonly places: readonly Place[];
  close(): Promise<void>;
}

const PORT_TRIES = 20;
const HOSTS_PER_NET = 254;

/** 127.16.0.1 onwards; the last byte is never 0 or 255. All of 127.0.0.0/8 is loopback (RFC 1122 section 3.2.1.3). */
export function hostAddress(host: number): string {
  const net = Math.floor(host / HOSTS_PER_NET);
  return `127.${16 + (net >> 8)}.${net & 255}.${1 + (host % HOSTS_PER_NET)}`;
}

/**
 * One listener for each host, each bound to its own loopback address: the kernel itself keeps everybody else out.
 * (A single listener on 0.0.0.0 would be cheaper, but its port would be open to the network.) All have the same port.
 * Where a system knows no loopback address but 127.0.0.1 (macOS), hosts differ by port instead.
 * Throws WORLD_NO_ADDRESS.
 */
export async function openListeners(
  hosts: number,
  port: number,
  onConnection: (socket: Socket, host: number) => void,
): Promise<Listeners> {
  for (let attempt = 0; ; attempt += 1) {
    const servers: Server[] = [];
    try {
      const places = await openAll(servers, hosts, port, onConnection);
      return { places, close: () => closeAll(servers) };
    } catch (error) {
      await closeAll(servers);
      const taken = codeOf(error) === 'EADDRINUSE';
      // A free port on the first address need not be free on all the others: then another one is drawn.
      if (taken && port === 0 && attempt < PORT_TRIES) continue;
      throw worldError('WORLD_NO_ADDRESS', `The world cannot listen: ${String(error)}`, `${hostAddress(0)}:${port}`);
    }
  }
}

async function openAll(
  servers: Server[],
  hosts: number,
  port: number,
  onConnection: (socket: Socket, host: number) => void,
): Promise<Place[]> {
  const places: Place[] = [];
  let address = hostAddress;
  for (let host = 0; host < hosts; host += 1) {
    // What node:http does with its own listeners.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => onConnection(socket, host));
    servers.push(server);
    const wanted = address === hostAddress ? (places[0]?.port ?? port) : 0;
    try {
      places.push(await listen(server, address(host), wanted));
    } catch (error) {
      if (codeOf(error) !== 'EADDRNOTAVAIL' || host > 0 || address !== hostAddress) throw error;
      address = () => '127.0.0.1';
      places.push(await listen(server, '127.0.0.1', port));
    }
  }
  return places;
}

function listen(server: Server, address: string, port: number): Promise<Place> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, backlog: 1024 }, () => {
      server.off('error', reject);
      resolve({ address, port: (server.address() as AddressInfo).port });
    });
  });
}

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
