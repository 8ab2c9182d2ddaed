/**
 * Keeps the crawler out of networks that a feed's URL has no business in (server-side request forgery). It is asked
 * when a connection is made, with the very address that is connected to: a name that resolves differently a moment
 * later (DNS rebinding) gains nothing. Host names of IP addresses in any spelling (`0x7f.1`, `2130706433`) come here
 * in the one form that the WHATWG URL parser gives them.
 */
import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { CodedError } from '../store/errors.ts';
import { crawlerError } from './errors.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/** Public by their range, yet answered by the host of a cloud machine: Azure's wire server. */
const METADATA_ADDRESSES: ReadonlySet<string> = new Set(['168.63.129.16']);

/** All that is assigned for use on the internet (RFC 4291 section 2.4, IANA's registry of IPv6 unicast). */
const IPV6_GLOBAL: Network = [ipaddr.IPv6.parse('2000::'), 3];

export interface AddressGuard {
  /** Why this address must not be connected to; undefined: it may. `address`: an IP address without brackets. */
  refusal(address: string): string | undefined;
  /** For `net.connect`: `dns.lookup`, without the addresses that are refused; an error where none is left. */
  readonly lookup: LookupFunction;
}

export interface AddressGuardOptions {
  /** CIDR networks that are open although they are not public. */
  readonly allowPrivate: readonly string[];
  /** Default: `dns.lookup`. */
  readonly resolve?: typeof resolveAll;
}

/** Throws FETCH_NETWORK_INVALID. */
export function addressGuard(options: AddressGuardOptions): AddressGuard {
  const allowed = options.allowPrivate.map(readNetwork);
  const resolve = options.resolve ?? resolveAll;
  const refusal = (address: string) => refusalOf(address, allowed);
  const lookup: LookupFunction = (hostname, lookupOptions, callback) => {
    resolve(hostname, lookupOptions, (error, found) => {
      if (error !== null) return callback(error, []);
      const open = found.filter(({ address }) => refusal(address) === undefined);
      const first = open[0];
      if (first === undefined) return callback(forbidden(hostname, found.map(({ address }) => address).join(', ')), []);
      if (lookupOptions.all === true) return callback(null, open);
      callback(null, first.address, first.family);
    });
  };
  return { refusal, lookup };
}

/** Whether this host, as it stands in a URL, is an address that must not be connected to. Of a name only its lookup can tell. */
export function isForbiddenAddress(guard: Pick<AddressGuard, 'refusal'>, host: string): boolean {
  const address = host.replace(/^\[|\]$/g, '');
  return isIP(address) !== 0 && guard.refusal(address) !== undefined;
}

export function forbidden(host: string, addresses: string): CodedError {
  const where = addresses === host ? host : `${host} (${addresses || 'no address'})`;
  return crawlerError('FETCH_ADDRESS_FORBIDDEN', `${where} is not on the public internet`, { input: host });
}

function refusalOf(text: string, allowed: readonly Network[]): string | undefined {
  if (isIP(text) === 0) return 'not an IP address';
  const outer = ipaddr.parse(text);
  const address = unwrap(outer);
  if (allowed.some((network) => inNetwork(address, network) || inNetwork(outer, network))) return undefined;
  if (METADATA_ADDRESSES.has(address.toString())) return 'metadata';
  const range = address.range();
  if (range !== 'unicast') return range;
  if (address instanceof ipaddr.IPv6 && !inNetwork(address, IPV6_GLOBAL)) return 'not global';
  return undefined;
}

/**
 * The IPv4 address inside an IPv6 one: mapped (RFC 4291 section 2.5.5.2), translated (RFC 6052, RFC 8215, RFC 2765) and
 * 6to4 (RFC 3056) addresses are judged by where the packets end up. So a network with NAT64 can still crawl.
 */
function unwrap(address: Address): Address {
  if (!(address instanceof ipaddr.IPv6)) return address;
  const bytes = address.toByteArray();
  const range = address.range();
  if (range === 'ipv4Mapped' || range === 'rfc6052' || range === 'rfc6145') {
    return new ipaddr.IPv4(bytes.slice(12, 16));
  }
  if (range === '6to4') return new ipaddr.IPv4(bytes.slice(2, 6));
  return address;
}

function inNetwork(address: Address, [base, bits]: Network): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}

function readNetwork(text: string): Network {
  const cidr = /\/\d+$/.test(text) ? text : `${text}/${text.includes(':') ? 128 : 32}`;
  try {
    return ipaddr.parseCIDR(cidr);
  } catch (cause) {
    throw crawlerError('FETCH_NETWORK_INVALID', `This is not a network: ${text}`, { input: text, cause });
  }
}

function resolveAll(
  hostname: string,
  options: LookupOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
): void {
  dnsLookup(hostname, { ...options, all: true }, callback);
}
