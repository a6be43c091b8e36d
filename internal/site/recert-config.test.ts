import assert from 'node:assert/strict';
import { test } from 'tap';
import { goJsonText } from '../config/go-json-text.ts';
import { parseSeedManifest } from '../config/seed-manifest.ts';
import { parseSiteManifest } from '../config/site-manifest.ts';
import { proxiesOf } from './proxy.ts';
import { placesInContainer, recertConfigOf } from './recert-config.ts';
import { exampleRecertConfig, exampleSeed, exampleSite } from './test-example.ts';

const seed = parseSeedManifest(JSON.stringify(exampleSeed), 'manifest.json');
const files = {
  kept: { folder: '/opt/openshift/kubeconfig-crypto', ingressKey: 'ingresskey-ingress-operator.key' },
  certManager: [],
};

await test('the configuration of recert is the one that the reference writes, byte for byte', async () => {
  const { site, warnings } = parseSiteManifest(JSON.stringify(exampleSite), 'manifest.json');
  assert.deepEqual(warnings, []);
  const config = recertConfigOf(
    site,
    seed,
    { hostname: 'site1-node', addresses: ['10.0.0.21'] },
    files,
    placesInContainer,
  );
  assert.equal(goJsonText(config), exampleRecertConfig);
  assert.equal(
    proxiesOf(site, seed)?.proxy.noProxy,
    '.cluster.local,.lab,.svc,10.0.0.0/24,127.0.0.1,api-int.site1.edge.example.org,corp.example,localhost',
  );
});

await test('what is as it was on the seed is left out', async () => {
  const { site } = parseSiteManifest(
    JSON.stringify({ ...exampleSite, machine_networks: ['192.168.126.0/24'], proxy: undefined }),
    'manifest.json',
  );
  const node = { hostname: 'seed-node', addresses: ['192.168.126.10'] };
  const config = recertConfigOf(site, seed, node, { certManager: [] }, placesInContainer);
  for (const key of ['hostname', 'ip', 'machine_network_cidr', 'proxy', 'use_key_rules', 'use_cert_rules'])
    assert.equal(key in config, false, key);
});

await test('the single machine network of older installers counts', async () => {
  const { site } = parseSiteManifest(
    JSON.stringify({ ...exampleSite, machine_networks: undefined, machine_network: '10.0.0.0/24' }),
    'manifest.json',
  );
  const node = { hostname: 'h', addresses: ['10.0.0.21'] };
  const config = recertConfigOf(site, seed, node, { certManager: [] }, placesInContainer);
  assert.deepEqual(config['machine_network_cidr'], ['10.0.0.0/24']);
});
