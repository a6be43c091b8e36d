import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'tap';
import { searchAnswers } from './spec-search.ts';
import { findSpecForm, specHashOf } from './spec-hash.ts';
import { specText } from './spec-text.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What an operator marshals: it says the policy of one image and the mode of one volume, and nothing else that is a default. */
const manifest =
  '{"selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"creationTimestamp":null,"labels":{"app":"x"}},"spec":{"volumes":[{"name":"a","secret":{"secretName":"a","defaultMode":420}},{"name":"b","configMap":{"name":"b"}}],"containers":[{"name":"one","image":"x@sha256:1","args":["--old \\u0026 <é>"],"resources":{},"imagePullPolicy":"IfNotPresent"},{"name":"two","image":"x@sha256:1","resources":{}}]}},"strategy":{}}'.replace(
    '<é>',
    '\\u003cé\\u003e',
  );

/** The same as the API server stores it. */
const spec = {
  replicas: 1,
  selector: { matchLabels: { app: 'x' } },
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
  revisionHistoryLimit: 10,
  progressDeadlineSeconds: 600,
  template: {
    metadata: { labels: { app: 'x' } },
    spec: {
      volumes: [
        { name: 'a', secret: { secretName: 'a', defaultMode: 420 } },
        { name: 'b', configMap: { name: 'b', defaultMode: 420 } },
      ],
      containers: ['one', 'two'].map((name) => ({
        name,
        image: 'x@sha256:1',
        ...(name === 'one' ? { args: ['--old & <é>'] } : {}),
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: 'IfNotPresent',
      })),
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
    },
  },
};
const deployment = (hash: string | undefined, inside: object = spec): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({
      kind: 'Deployment',
      apiVersion: 'apps/v1',
      metadata: { name: 'x', annotations: hash === undefined ? {} : { 'operator.openshift.io/spec-hash': hash } },
      spec: inside,
    }),
  );

test('the form of a manifest is found from its hash, names what it said, and hashes the changed Deployment', async () => {
  const form = findSpecForm(deployment(sha256(manifest)));
  assert.ok(form);
  assert.deepEqual(form.said['Container.imagePullPolicy'], ['template/spec/containers/one/imagePullPolicy']);
  assert.equal(form.said['SecretVolume.defaultMode'], 'everywhere');
  assert.deepEqual(form.said['ConfigMapVolume.defaultMode'], []);
  assert.equal(form.said['ObjectMeta.creationTimestamp'], 'everywhere');
  const renamed = JSON.parse(JSON.stringify(spec).replace('--old', '--new')) as object;
  assert.equal(specHashOf(deployment(undefined, renamed), form), sha256(manifest.replace('--old', '--new')));
});

test('a Deployment whose hash nothing gives has no form, and the search ends in seconds', async () => {
  const before = performance.now();
  assert.equal(findSpecForm(deployment(sha256('another'))), undefined);
  assert.ok(performance.now() - before < 20_000);
});

test('a Deployment without a hash, of another kind or with an unknown field has no form', async () => {
  assert.equal(findSpecForm(deployment(undefined)), undefined);
  assert.equal(
    findSpecForm(
      new TextEncoder().encode(
        '{"kind":"DaemonSet","apiVersion":"apps/v1","metadata":{"annotations":{"operator.openshift.io/spec-hash":"x"}},"spec":{}}',
      ),
    ),
    undefined,
  );
  assert.equal(findSpecForm(deployment(sha256(manifest), { ...spec, unheardOf: 1 })), undefined);
  assert.throws(() => specHashOf(deployment(undefined, { ...spec, unheardOf: 1 }), { said: {} }), {
    name: 'Failure',
    message: 'an object is no Deployment of which all fields are known, so that its spec cannot be hashed',
  });
});

test('the search tries each answer once, and all of them where there are few', async () => {
  const { doubts } = specText({
    replicas: 1,
    template: {
      spec: {
        dnsPolicy: 'ClusterFirst',
        containers: [
          { name: 'a', terminationMessagePolicy: 'File' },
          { name: 'b', terminationMessagePolicy: 'File' },
        ],
      },
    },
  });
  assert.equal(doubts.length, 5);
  const seen: string[] = [];
  assert.equal(
    searchAnswers(doubts, 1000, (isOut) => {
      seen.push(isOut.map(Number).join(''));
      return false;
    }),
    undefined,
  );
  assert.deepEqual([seen.length, new Set(seen).size], [32, 32]);
  assert.deepEqual(
    searchAnswers(doubts, 1000, (isOut) => isOut.map(Number).join('') === '00100')?.map(Number),
    [0, 0, 1, 0, 0],
  );
});
