import assert from 'node:assert/strict';
import { test } from 'tap';
import { nodeAddressesIn } from './node-addresses.ts';

await test('the addresses of the node are read from the drop-in of kubelet', async () => {
  for (const [text, addresses] of [
    ['[Service]\nEnvironment="KUBELET_NODE_IP=10.0.0.21" "KUBELET_NODE_IPS=10.0.0.21"\n', ['10.0.0.21']],
    ['Environment="KUBELET_NODE_IP=10.0.0.21" "KUBELET_NODE_IPS=10.0.0.21, 2001:db8::1"', ['10.0.0.21', '2001:db8::1']],
    ['  Environment="KUBELET_NODE_IP=10.0.0.21"', ['10.0.0.21']],
    ['Environment="KUBELET_NODE_IPS=10.0.0.1"\nEnvironment="KUBELET_NODE_IP=10.0.0.2"', ['10.0.0.2']],
    ['Environment="KUBELET_NODE_IPS="', []],
    ['Environment=KUBELET_NODE_IP=10.0.0.2', []],
    ['', []],
  ] as const)
    assert.deepEqual(nodeAddressesIn(text), addresses, text);
});
