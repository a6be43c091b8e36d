import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { accessOf, apiAt } from '../api.ts';

// Does what OpenShift's kubelet does itself when it creates its Node: its labels are those of a control plane.

const kubeconfig =
  '/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/node-kubeconfigs/localhost.kubeconfig';
const labels = { 'node-role.kubernetes.io/master': '', 'node-role.kubernetes.io/control-plane': '' };
const api = apiAt(6443, accessOf(await readFile(kubeconfig, 'utf8')));
const path = `/api/v1/nodes/${hostname()}`;
for (;;) {
  const { status } = await api.ask('PATCH', path, { metadata: { labels } }, 'application/merge-patch+json');
  if (status === 200) break;
  await sleep(300);
}
