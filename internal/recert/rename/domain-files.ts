import {
  apiServerUrl,
  controllerManagerName,
  controllerManagerPod,
  jwksUris,
  kubeconfig,
  oauthMetadata,
  type NewName,
} from './domain-edits.ts';
import { NotThere } from './editor.ts';
import { documents, texts, type Step } from './step.ts';

/** Section 6.5.3: the same in files. Ignition files are edited with their objects. */
export function domainFileSteps(to: NewName): Step[] {
  const row = '6.5.3';
  return [
    documents(`${row} kubeconfigs`, /\/(?:(?:[^/.][^/]*)?kubeconfig|kubeConfig)$/, (file) => {
      kubeconfig(file, to);
    }),
    texts(`${row} apiserver-url.env`, /\/apiserver-url\.env[^/]*$/, (text) =>
      apiServerUrl(text, to, (found) => {
        throw new NotThere('', found);
      }),
    ),
    documents(
      `${row} kube-controller-manager-pod.yaml`,
      /\/kube-controller-manager-pod(?:\.yaml|\/pod\.yaml)$/,
      (pod) => {
        controllerManagerPod(pod, to);
      },
    ),
    documents(
      `${row} kube-controller-manager config.yaml`,
      /\/kube-controller-manager-pod[^/]*\/configmaps\/config\/config\.yaml$/,
      (file) => {
        controllerManagerName(file, to);
      },
    ),
    documents(
      `${row} kube-apiserver config.yaml`,
      /\/kube-apiserver-pod[^/]*\/configmaps\/config\/config\.yaml$/,
      (file) => {
        jwksUris(file, to);
      },
    ),
    documents(
      `${row} oauthMetadata`,
      /\/kube-apiserver-pod[^/]*\/configmaps\/oauth-metadata\/oauthMetadata$/,
      (file) => {
        oauthMetadata(file, to);
      },
    ),
  ];
}
