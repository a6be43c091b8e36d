import assert from 'node:assert/strict';
import { test, type Test } from 'tap';
import { judgeMissing } from '../cluster/apiserver/build.ts';
import type { Api } from './api.ts';
import { lbExtKubeconfig, openFirstBootLab, type Host } from './lab.ts';
import { approveCsrs } from './approve.ts';

const skip = await judgeMissing();
const program = { checkout: new URL('../..', import.meta.url).pathname.replace(/\/$/, '') };

const clockOf = (t: Test): ((what: string) => void) => {
  let last = performance.now();
  return (what) => {
    const now = performance.now();
    t.comment(`${what}: ${((now - last) / 1000).toFixed(1)} s`);
    last = now;
  };
};

type Node = { status: { conditions: { type: string; status: string }[] } };

async function isReady(api: Api, name: string): Promise<boolean> {
  const { status, body } = await api.ask('GET', `/api/v1/nodes/${name}`);
  return (
    status === 200 && (body as Node).status.conditions.some((one) => one.type === 'Ready' && one.status === 'True')
  );
}

const hasNewServingCertificate = async (host: Host): Promise<boolean> =>
  !(await host.ask('readlink', '/var/lib/kubelet/pki/kubelet-server-current.pem')).includes('2026-11-01-10-00-00');

await test('a seed that was deployed runs as a cluster when its kubelet is started by hand', { skip }, async (t) => {
  const took = clockOf(t);
  const say = (line: string): void => {
    t.comment(line);
  };
  await using host = await openFirstBootLab({ seed: 'small', program, starts: false }, say);
  took('the disk');
  await host.boot();
  await host.waitFor(
    'the boot to settle',
    async () => (await host.ask('systemctl', 'is-system-running')) === 'running',
  );
  took('the boot');
  assert.equal(await host.ask('systemctl', 'is-enabled', 'kubelet'), 'disabled', 'as in a seed');
  await host.run('systemctl', ['enable', '--now', 'kubelet']);
  const api = await host.api((await host.file(lbExtKubeconfig)) ?? '');
  await host.waitFor('the API', async () => (await api.ask('GET', '/readyz')).status === 200);
  took('kubelet, etcd and the API server, until the kubeconfig of the seed is answered');
  await host.waitFor('the Node', () => isReady(api, host.seed.hostname));
  took('the Node, until it is ready');
  await host.waitFor('a signed certificate', async () => (await approveCsrs(api)) > 0);
  await host.waitFor("kubelet's own serving certificate", () => hasNewServingCertificate(host));
  took('a request of kubelet, approved by hand and signed by the controller manager');
  for (const plural of ['clusterversions', 'imagedigestmirrorsets', 'infrastructures', 'proxies'])
    await api.get(`/apis/config.openshift.io/v1/${plural}`);
  await host.kill();
  await host.boot();
  await host.waitFor('the API', async () => (await api.ask('GET', '/readyz')).status === 200);
  took('after a power cut, until the API answers again');
});

type BlockDevices = {
  blockdevices: { name: string; label: string | null; children?: { name: string; label: string | null }[] }[];
};

await test(
  'a medium that is put in is seen by lsblk, is read, and can be taken away and replaced',
  { skip },
  async () => {
    await using host = await openFirstBootLab({ seed: 'small', program, starts: false });
    const labels = async (): Promise<string[]> => {
      const { blockdevices } = JSON.parse(
        await host.ask('lsblk', '-f', '--json', '--output', 'NAME,LABEL'),
      ) as BlockDevices;
      return blockdevices
        .flatMap((device) => [device, ...(device.children ?? [])])
        .flatMap(({ name, label }) => (label === null ? [] : [`${name} ${label}`]));
    };
    await host.boot();
    assert.deepEqual(await labels(), []);
    const first = await host.insertMedium({
      'cluster-configuration/manifest.json': '{"a":1}',
      'cluster-configuration/manifests/': '',
    });
    assert.deepEqual(await labels(), [`${first.name} cluster-config`]);
    await host.run('mkdir', ['-p', '/mnt/config']);
    await host.run('mount', [`/dev/${first.name}`, '/mnt/config']);
    assert.equal(await host.ask('cat', '/mnt/config/cluster-configuration/manifest.json'), '{"a":1}');
    await host.run('umount', ['/mnt/config']);
    await host.removeMedium();
    assert.deepEqual(await labels(), []);
    const second = await host.insertMedium({ x: 'in a partition' }, { partitioned: true, label: 'relocation-config' });
    assert.deepEqual(await labels(), [`${second.name} relocation-config`]);
    await host.run('mount', [`/dev/${second.name}`, '/mnt/config']);
    assert.equal(await host.ask('cat', '/mnt/config/x'), 'in a partition');
    await host.run('umount', ['/mnt/config']);
    await host.kill();
    await host.boot();
    assert.deepEqual(await labels(), [`${second.name} relocation-config`], 'it is still attached after a power cut');
  },
);

await test('the temporary etcd of the first boot is started and stopped by the real podman', { skip }, async (t) => {
  const took = clockOf(t);
  await using host = await openFirstBootLab({ seed: 'small', program, starts: false });
  await host.boot();
  took('the boot');
  const pod = JSON.parse((await host.file('/etc/kubernetes/manifests/etcd-pod.yaml')) ?? '') as {
    spec: { containers: { name: string; image: string }[] };
  };
  const image = pod.spec.containers.find(({ name }) => name === 'etcd')?.image ?? '';
  const options = '--rm --network=host --privileged --replace --detach --name recert_etcd --entrypoint etcd';
  await host.run('podman', [
    ...['run', ...options.split(' '), '--authfile', '/var/lib/kubelet/config.json', '-v', '/var/lib/etcd:/store'],
    ...[image, '--name', 'editor', '--data-dir', '/store'],
  ]);
  const isHealthy = async (): Promise<boolean> =>
    (await host.ask('curl', '-s', 'http://localhost:2379/health')).includes('true');
  await host.waitFor('etcd to be healthy', isHealthy);
  took('the temporary etcd');
  await host.run('podman', ['stop', 'recert_etcd']);
  assert.equal(await isHealthy(), false);
  took('its end');
});
