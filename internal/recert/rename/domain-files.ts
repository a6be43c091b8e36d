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

/** Name, domain and infrastructure id in files. Ignition files are edited with their objects. */
export function domainFileSteps(to: NewName): Step[] {
  return [
    documents('domain/kubeconfigs', /\/(?:(?:[^/.][^/]*)?kubeconfig|kubeConfig)$/, (file) => {
      kubeconfig(file, to);
    }),
    texts('domain/apiserver-url (files)', /\/apiserver-url\.env[^/]*$/, (text) =>
      apiServerUrl(text, to, (found) => {
        throw new NotThere('', found);
      }),
    ),
    documents(
      'domain/controller-manager-pod (files)',
      /\/kube-controller-manager-pod(?:\.yaml|\/pod\.yaml)$/,
      (pod) => {
        controllerManagerPod(pod, to);
      },
    ),
    documents(
      'domain/controller-manager-name (files)',
      /\/kube-controller-manager-pod[^/]*\/configmaps\/config\/config\.yaml$/,
      (file) => {
        controllerManagerName(file, to);
      },
    ),
    documents('domain/jwks (files)', /\/kube-apiserver-pod[^/]*\/configmaps\/config\/config\.yaml$/, (file) => {
      jwksUris(file, to);
    }),
    documents(
      'domain/oauth-metadata (files)',
      /\/kube-apiserver-pod[^/]*\/configmaps\/oauth-metadata\/oauthMetadata$/,
      (file) => {
        oauthMetadata(file, to);
      },
    ),
  ];
}
