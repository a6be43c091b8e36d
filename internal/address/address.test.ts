import assert from 'node:assert/strict';
import { test } from 'tap';
import { isIn, readAddress, readNetwork } from './address.ts';

await test('addresses are read in the form in which Kubernetes writes them', async () => {
  for (const [given, text, family] of [
    ['192.0.2.1', '192.0.2.1', 'ipv4'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1', 'ipv6'],
    ['::ffff:192.0.2.1', '192.0.2.1', 'ipv4'],
    ['::ffff:c000:201', '192.0.2.1', 'ipv4'],
    ['::', '::', 'ipv6'],
    ['::1', '::1', 'ipv6'],
  ] as const)
    assert.deepEqual(readAddress(given), { text, family }, given);
  for (const wrong of ['', '192.0.2', '192.0.2.256', '192.0.02.1', 'fe80::1%eth0', '[::1]', ' 192.0.2.1', 'host'])
    assert.equal(readAddress(wrong), undefined, wrong);
});

await test('networks keep their host bits; lengths beyond the family are none', async () => {
  assert.equal(readNetwork('10.0.0.7/24')?.text, '10.0.0.7/24');
  assert.equal(readNetwork('2001:DB8::/32')?.text, '2001:db8::/32');
  assert.equal(readNetwork('::ffff:10.0.0.0/120')?.text, '10.0.0.0/24');
  for (const wrong of ['10.0.0.0', '10.0.0.0/33', '2001:db8::/129', '10.0.0.0/', '/24', '10.0.0.0/24/1', '10.0.0.0/-1'])
    assert.equal(readNetwork(wrong), undefined, wrong);
});

await test('an address lies in a network of its family only', async () => {
  const lies = (network: string, address: string): boolean => {
    const [net, one] = [readNetwork(network), readAddress(address)];
    assert.ok(net !== undefined && one !== undefined);
    return isIn(net, one);
  };
  assert.equal(lies('10.0.0.7/24', '10.0.0.200'), true);
  assert.equal(lies('10.0.0.7/24', '10.0.1.1'), false);
  assert.equal(lies('2001:db8::/32', '2001:db8:1::1'), true);
  assert.equal(lies('0.0.0.0/0', '2001:db8::1'), false);
});
