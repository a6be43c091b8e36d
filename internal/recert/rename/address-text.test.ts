import assert from 'node:assert/strict';
import { test } from 'tap';
import { withNewAddresses } from './address-text.ts';

const four = [{ old: '192.0.2.1', fresh: '198.51.100.7' }];
const six = [{ old: '2001:db8::1', fresh: '2001:db8:f::9' }];

test('defect/longer-addresses: whole IPv4 addresses only', async () => {
  assert.equal(
    withNewAddresses(
      'https://192.0.2.1:2379,192.0.2.10,192.0.2.100,1192.0.2.1,0.192.0.2.1,192.0.2.1.nip.io,192.0.2.1',
      four,
    ),
    'https://198.51.100.7:2379,192.0.2.10,192.0.2.100,1192.0.2.1,0.192.0.2.1,192.0.2.1.nip.io,198.51.100.7',
  );
  assert.equal(
    withNewAddresses('at 192.0.2.1.\nIP="192.0.2.1"\n192.0.2.1/24', four),
    'at 198.51.100.7.\nIP="198.51.100.7"\n198.51.100.7/24',
  );
});

test('IPv6 addresses are replaced in brackets and bare, and brackets stay brackets', async () => {
  assert.equal(
    withNewAddresses('https://[2001:db8::1]:2379 2001:db8::1 [2001:db8::1', six),
    'https://[2001:db8:f::9]:2379 2001:db8:f::9 [2001:db8::1',
  );
  assert.equal(
    withNewAddresses('2001:db8::10 2001:db8::1:1 f2001:db8::1 [2001:db8::1:0]', six),
    '2001:db8::10 2001:db8::1:1 f2001:db8::1 [2001:db8::1:0]',
  );
});

test('two families are replaced at once', async () => {
  assert.equal(withNewAddresses('192.0.2.1,2001:db8::1', [...six, ...four]), '198.51.100.7,2001:db8:f::9');
});

test('addresses that change places do so', async () => {
  assert.equal(
    withNewAddresses('192.0.2.1 192.0.2.2', [
      { old: '192.0.2.1', fresh: '192.0.2.2' },
      { old: '192.0.2.2', fresh: '192.0.2.1' },
    ]),
    '192.0.2.2 192.0.2.1',
  );
});
