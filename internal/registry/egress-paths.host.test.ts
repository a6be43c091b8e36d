import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { egressPaths } from './egress-paths.ts';
import { surroundings } from './test-surroundings.ts';

test('files of the home folder come before those of the machine, for root, too', async () => {
  await using at = await surroundings();
  const home = join(at.folder, '.config/containers');
  const before = await egressPaths({ HOME: at.folder });
  assert.equal(before.registriesConf, '/etc/containers/registries.conf');
  assert.deepEqual(before.registriesFolders, ['/etc/containers/registries.conf.d', join(home, 'registries.conf.d')]);
  assert.equal(before.policy, '/etc/containers/policy.json');
  assert.deepEqual(before.certFolders, [join(home, 'certs.d'), '/etc/containers/certs.d', '/etc/docker/certs.d']);

  mkdirSync(home, { recursive: true });
  for (const name of ['registries.conf', 'policy.json']) writeFileSync(join(home, name), '');
  const after = await egressPaths({ HOME: at.folder });
  assert.equal(after.registriesConf, join(home, 'registries.conf'));
  assert.deepEqual(after.registriesFolders, [join(home, 'registries.conf.d')]);
  assert.equal(after.policy, join(home, 'policy.json'));

  const named = await egressPaths({ HOME: at.folder, CONTAINERS_REGISTRIES_CONF: '/own.conf' });
  assert.equal(named.registriesConf, '/own.conf');
  assert.deepEqual(named.registriesFolders, before.registriesFolders);
  assert.equal(
    (await egressPaths({ HOME: at.folder, REGISTRIES_CONFIG_PATH: '/own.conf' })).registriesConf,
    '/own.conf',
  );
});

test('without HOME, as under systemd, the home folder is the one of the account', async () => {
  assert.equal((await egressPaths({})).certFolders[0], '/root/.config/containers/certs.d');
});

test('authorities come from where Go programs look', async () => {
  const usual = await egressPaths({});
  assert.equal(usual.caBundles[0], '/etc/ssl/certs/ca-certificates.crt');
  assert.deepEqual(usual.caFolders, ['/etc/ssl/certs', '/etc/pki/tls/certs']);
  const own = await egressPaths({ SSL_CERT_FILE: '/a.crt', SSL_CERT_DIR: '/b:/c' });
  assert.deepEqual([own.caBundles, own.caFolders], [['/a.crt'], ['/b', '/c']]);
});
