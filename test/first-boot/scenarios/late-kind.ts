import { unit } from '../lab.ts';
import { finished, type Scenario } from '../scenario.ts';

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'lates.lab.example.org' },
  spec: {
    group: 'lab.example.org',
    scope: 'Namespaced',
    names: { plural: 'lates', singular: 'late', kind: 'Late', listKind: 'LateList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};
const late = { apiVersion: 'lab.example.org/v1', kind: 'Late', metadata: { name: 'one' }, spec: { a: 1 } };

export const lateKind: Scenario = {
  name: 'late-kind',
  says: 'a manifest whose kind an operator brings only later',
  site: { files: { 'extra-manifests/late.yaml': JSON.stringify(late) } },
  async story(stage) {
    const { host, site, say } = stage;
    await host.insertMedium(site.files);
    await host.boot();
    await host.waitFor('the missing kind to be told', async () => (await host.journal(unit)).includes('Late'));
    say('the kind is missing');
    const api = await host.api(site.kubeconfig);
    await api.ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
    await finished(stage);
  },
  async judge({ host, site }) {
    const api = await host.api(site.kubeconfig);
    const { status } = await api.ask('GET', '/apis/lab.example.org/v1/namespaces/default/lates/one');
    return status === 200 ? [] : ['the object of the late kind is there'];
  },
};
