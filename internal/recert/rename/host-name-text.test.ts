import assert from 'node:assert/strict';
import { test } from 'tap';
import { textTree } from '../../edit/text-tree.ts';
import { edited } from './editor.ts';
import { hostNames, inBackupScript, inCommand, inEtcdEnv, inPod, inPodText } from './host-name-text.ts';

const names = hostNames('seed-node.lab', 'edge.site-7');
const certs = '/etc/kubernetes/static-pod-certs/secrets/etcd-all-certs/';

test('names of variables take the safe name, the value takes the name itself (defect/etcd-env, defect/stray-quote)', async () => {
  const text = [
    '    - name: "NODE_seed_node_lab_ETCD_NAME"',
    '      value: "seed-node.lab"',
    '    - name: "NODE_seed_node_lab_IP"',
    '      value: "192.0.2.1"',
    '      echo ${NODE_seed_node_lab_ETCD_NAME?x} ${NODE_seed_node_lab_ETCD_URL_HOST}',
    `      --cert ${certs}etcd-serving-metrics-seed-node.lab.crt --key=${certs}etcd-peer-seed-node.lab.key`,
    '      --target-name=seed-node.lab \\',
    '      value: "seed-node.lab2"',
    '',
  ].join('\n');
  assert.equal(
    inPodText(text, names),
    [
      '    - name: "NODE_edge_site_7_ETCD_NAME"',
      '      value: "edge.site-7"',
      '    - name: "NODE_edge_site_7_IP"',
      '      value: "192.0.2.1"',
      '      echo ${NODE_edge_site_7_ETCD_NAME?x} ${NODE_edge_site_7_ETCD_URL_HOST}',
      `      --cert ${certs}etcd-serving-metrics-edge.site-7.crt --key=${certs}etcd-peer-edge.site-7.key`,
      '      --target-name=edge.site-7 \\',
      '      value: "seed-node.lab2"',
      '',
    ].join('\n'),
  );
});

test('defect/etcd-env: etcd.env knows a name with dashes and dots', async () => {
  assert.equal(
    inEtcdEnv(
      `export NODE_seed_node_lab_ETCD_NAME="seed-node.lab"\nexport NODE_seed_node_lab_ETCD_URL_HOST="192.0.2.1"\nexport NODE_seed_node_lab_IP="192.0.2.1"\nexport ETCDCTL_CERT="${certs}etcd-peer-seed-node.lab.crt"\nexport ETCDCTL_KEY="${certs}etcd-peer-seed-node.lab.key"\n`,
      names,
    ),
    `export NODE_edge_site_7_ETCD_NAME="edge.site-7"\nexport NODE_edge_site_7_ETCD_URL_HOST="192.0.2.1"\nexport NODE_edge_site_7_IP="192.0.2.1"\nexport ETCDCTL_CERT="${certs}etcd-peer-edge.site-7.crt"\nexport ETCDCTL_KEY="${certs}etcd-peer-edge.site-7.key"\n`,
  );
});

test('names that hold the old name as a part stay', async () => {
  const short = hostNames('node', 'edge');
  const text = `NODE_node_IPV6 NODE_my_node_IP MY_NODE_node_IP --target-name=node-2 --target-name=node.a ${certs}etcd-peer-node.crt.bak ${certs}etcd-peer-node-2.crt ${certs}etcd-serving-metrics.crt`;
  assert.equal(inCommand(text, short), text);
  assert.equal(inBackupScript('ip=$NODE_node_IP\nETCD_NODE_node_IP', short), 'ip=$NODE_edge_IP\nETCD_NODE_node_IP');
});

test('the static pod as JSON: commands, arguments, and the environment by name', async () => {
  const pod = (name: string, safe: string) =>
    JSON.stringify({
      spec: {
        initContainers: [{ name: 'setup', command: ['sh', '-c', `echo NODE_${safe}_IP`] }],
        containers: [
          {
            name: 'etcd',
            command: ['etcd'],
            args: [`--target-name=${name}`, `--cert=${certs}etcd-serving-${name}.crt`],
            env: [
              { name: 'ETCDCTL_CERT', value: `${certs}etcd-peer-${name}.crt` },
              { name: 'ETCDCTL_KEY_FILE', value: `${certs}etcd-peer-${name}.key` },
              { name: 'ETCDCTL_CERT_FILE', value: 'stays' },
              { name: `NODE_${safe}_ETCD_NAME`, value: name },
              { name: `NODE_${safe}_ETCD_URL_HOST`, value: '192.0.2.1' },
              { name: `NODE_${safe}_IP`, value: '192.0.2.1' },
              { name: 'FROM', valueFrom: { fieldRef: { fieldPath: 'x' } } },
            ],
          },
        ],
      },
    });
  const tree = textTree(Buffer.from(pod('seed-node.lab', 'seed_node_lab')));
  assert.ok(tree);
  assert.equal(
    Buffer.from(
      edited(tree, (editor) => {
        inPod(editor, names);
      }).bytes,
    ).toString(),
    pod('edge.site-7', 'edge_site_7'),
  );
});
