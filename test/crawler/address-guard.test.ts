import type { LookupAddress } from 'node:dns';
import t from 'tap';
import { addressGuard } from '../../crawler/address-guard.ts';

const closed = addressGuard({ allowPrivate: [] });

t.test('addresses that a feed has no business at are refused', (t) => {
  const refused = [
    ['this host', '0.0.0.0', '0.1.2.3', '::'],
    ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
    ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fd00::1', 'fc00::1'],
    ['link-local', '169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'fec0::1'],
    ['carrier-grade NAT', '100.64.0.1', '100.127.255.255'],
    ['cloud metadata', '169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '192.0.0.192', '168.63.129.16'],
    ['multicast and broadcast', '224.0.0.1', '239.255.255.255', '255.255.255.255', 'ff02::1'],
    [
      'reserved and documentation',
      '192.0.2.1',
      '198.51.100.1',
      '203.0.113.1',
      '240.0.0.1',
      '198.18.0.1',
      '2001:db8::1',
    ],
    ['mapped', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:169.254.169.254'],
    ['IPv4-compatible', '::7f00:1', '::a9fe:a9fe', '::808:808'],
    ['NAT64', '64:ff9b::7f00:1', '64:ff9b::10.0.0.1', '64:ff9b:1::a9fe:a9fe'],
    ['6to4 and Teredo', '2002:7f00:1::', '2002:a00:1::1', '2002:a9fe:a9fe::', '2001::1'],
    ['not assigned for use', '4000::1', '100::1', 'abcd::1'],
    ['no address at all', 'localhost', '', '1.2.3', '1.2.3.4.5', '::g'],
  ];
  for (const [name, ...addresses] of refused) {
    for (const address of addresses) t.type(closed.refusal(address), 'string', `${name}: ${address}`);
  }
  t.end();
});

t.test('public addresses are open, wrapped or not', (t) => {
  const open = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1', '2a00:1450::1'];
  for (const address of [...open, '::ffff:8.8.8.8', '64:ff9b::808:808', '2002:808:808::1']) {
    t.equal(closed.refusal(address), undefined, address);
  }
  t.end();
});

t.test('the allow-list opens what it names and no more', (t) => {
  const guard = addressGuard({ allowPrivate: ['127.0.0.0/8', '192.168.1.5', 'fd12::/16'] });
  for (const address of ['127.0.3.7', '::ffff:127.0.0.1', '192.168.1.5', 'fd12::1']) {
    t.equal(guard.refusal(address), undefined, address);
  }
  for (const address of ['192.168.1.6', '10.0.0.1', '::1', 'fd13::1'])
    t.type(guard.refusal(address), 'string', address);
  t.end();
});

t.test('what is no network is named', (t) => {
  for (const text of ['', 'home', '127.0.0.1/33', '127.0.0/8/1', '300.0.0.0/8']) {
    t.throws(() => addressGuard({ allowPrivate: [text] }), { code: 'FETCH_NETWORK_INVALID', input: text });
  }
  t.end();
});

function lookup(found: string[], all: boolean) {
  const addresses: LookupAddress[] = found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const guard = addressGuard({ allowPrivate: [], resolve: (_host, _options, callback) => callback(null, addresses) });
  return new Promise<unknown>((resolve) => {
    guard.lookup('feeds.example', { all }, (error, address, family) =>
      resolve(error ?? (all ? address : { address, family })),
    );
  });
}

t.test('a name that leads to refused addresses too is connected to the open ones only', async (t) => {
  const mixed = ['127.0.0.1', '8.8.8.8', '::1', '2606:4700::1'];
  t.same(await lookup(mixed, true), [
    { address: '8.8.8.8', family: 4 },
    { address: '2606:4700::1', family: 6 },
  ]);
  t.same(await lookup(mixed, false), { address: '8.8.8.8', family: 4 });
});

t.test('a name that leads to refused addresses only is refused, with the addresses', async (t) => {
  for (const all of [true, false]) {
    t.match(await lookup(['10.0.0.1', '::1'], all), {
      code: 'FETCH_ADDRESS_FORBIDDEN',
      message: 'feeds.example (10.0.0.1, ::1) is not on the public internet',
      input: 'feeds.example',
      advice: /FEEDFERRY_ALLOW_PRIVATE_NETWORKS/,
    });
  }
});
