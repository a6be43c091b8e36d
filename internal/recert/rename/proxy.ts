import { utf8 } from '../../edit/characters.ts';
import { textTree } from '../../edit/text-tree.ts';
import type { FieldPath } from '../../edit/json.ts';
import type { Change } from './change.ts';
import { NotThere, type Editor } from './editor.ts';
import { ignitionFile, machineConfigSteps } from './ignition-files.ts';
import { config, configMaps, controllerConfig, operator, prefix } from './keys.ts';
import { proxyNames, withProxyLines, withProxyVariables, type ProxyValues } from './proxy-environment.ts';
import { documentChange, inDocument, object, objects, revisions, singleTexts, texts, type Step } from './step.ts';
import { podOfTemplate } from './workload.ts';

/** What a person wrote, and what the network operator made of it. The second is what everything but the Proxy's own spec holds. */
export type Proxy = { readonly spec: ProxyValues; readonly status: ProxyValues };

/** `http|https|no_proxy|status http|status https|status no_proxy`. */
export function readProxy(text: string): Proxy {
  const [http = '', https = '', no = '', statusHttp = '', statusHttps = '', statusNo = ''] = text.split('|');
  return { spec: [http, https, no], status: [statusHttp, statusHttps, statusNo] };
}

/** The proxy, where the cluster keeps it and in the environment of everything that runs. */
export function proxySteps({ spec, status }: Proxy): Step[] {
  const members = ['httpProxy', 'httpsProxy', 'noProxy'];
  const setAll = (cr: Editor, above: FieldPath, names: readonly string[], values: ProxyValues): void => {
    if (cr.at(above) === undefined) cr.fail(above);
    for (const [index, name] of names.entries()) cr.set([...above, name], values[index] ?? '');
  };
  const observed = (plural: string, operatorPart: string, optional = false): Step =>
    object(
      'proxy/observed',
      operator(plural),
      (cr) => {
        setAll(cr, ['spec', 'observedConfig', operatorPart, 'proxy'], proxyNames, status);
      },
      { optional },
    );
  const inPod = (workload: Editor, pod: FieldPath): void => {
    for (const list of ['containers', 'initContainers'])
      for (const index of workload.keysAt([...pod, list]))
        withProxyVariables(workload, [...pod, list, index, 'env'], status);
  };
  return [
    ...machineConfigSteps('proxy/machine-configs', (machine) => {
      ignitionFile(machine, '/etc/mco/proxy.env', (text) => withProxyLines(text, status));
    }),
    object('proxy/object', config('proxies'), (cr) => {
      setAll(cr, ['spec'], members, spec);
      setAll(cr, ['status'], members, status);
    }),
    observed('storages', 'targetconfig', true),
    observed('openshiftapiservers', 'workloadcontroller'),
    observed('kubeapiservers', 'targetconfigcontroller'),
    observed('kubecontrollermanagers', 'targetconfigcontroller'),
    object('proxy/controller-config', controllerConfig, (cr) => {
      if (cr.at(['spec', 'proxy']) !== null) setAll(cr, ['spec', 'proxy'], members, status);
    }),
    ...['deployments/', 'statefulsets/', 'daemonsets/', 'jobs/'].map((kind) =>
      objects('proxy/workloads', prefix(kind), (workload) => {
        inPod(workload, podOfTemplate);
      }),
    ),
    objects('proxy/workloads', prefix('cronjobs/'), (workload) => {
      inPod(workload, ['spec', 'jobTemplate', ...podOfTemplate]);
    }),
    ...['alertmanagers/', 'prometheuses/'].map((kind) =>
      objects('proxy/workloads', prefix(`monitoring.coreos.com/${kind}`), (cr) => {
        inPod(cr, ['spec']);
      }),
    ),
    objects('proxy/workloads', prefix('controllerrevisions/'), (revision) => {
      const raw = ['data', 'raw'];
      if (revision.textAt(raw) !== undefined)
        revision.within(raw, (inner) => {
          inPod(inner, podOfTemplate);
        });
      else inPod(revision, ['data', ...podOfTemplate]);
    }),
    revisions('proxy/static-pods', configMaps('openshift-kube-apiserver'), 'kube-apiserver-pod', (map) => {
      map.within(['data', 'pod.yaml'], (pod) => {
        inPod(pod, ['spec']);
      });
    }),
    revisions(
      'proxy/static-pods',
      configMaps('openshift-kube-controller-manager'),
      'kube-controller-manager-pod',
      (map) => {
        map.within(['data', 'pod.yaml'], (pod) => {
          inPod(pod, ['spec']);
        });
      },
    ),
    texts('proxy/env-files', /\/proxy\.env\.mcdorig$/, (text) => withProxyLines(text, status)),
    podFiles((pod) => {
      inPod(pod, ['spec']);
    }),
    singleTexts('proxy/env-files', 'proxy.env', (text) => withProxyLines(text, status)),
  ];
}

/** Static pods as files: those in JSON. One in YAML must not know of a proxy: it would keep the old one. */
function podFiles(edit: (pod: Editor) => void): Step {
  const pattern = /\/(?:[^/.][^/]*)?pod\.yaml$/;
  return {
    row: 'proxy/pod-files',
    reads: { files: [pattern] },
    changes: (cluster) =>
      cluster.files(pattern).flatMap((path): Change[] => {
        const text = utf8(cluster.bytes(path)) ?? '';
        if (textTree(cluster.bytes(path)) !== undefined && text.trimStart().startsWith('{'))
          return [documentChange(cluster, path, edit)];
        if (proxyNames.some((name) => text.includes(name)))
          inDocument('file', path, () => {
            throw new NotThere('', `is no JSON and names ${proxyNames.join(', ')}`);
          });
        return [];
      }),
  };
}
