/** Etcd keys of the objects that renaming edits: `/<root>/[<group>/]<plural>/[<namespace>/]<name>` (README, keys). */

const kube = '/kubernetes.io/';

export const prefix = (rest: string): string => `${kube}${rest}`;
export const configMaps = (namespace: string): string => `${kube}configmaps/${namespace}/`;
export const configMap = (namespace: string, name: string): string => `${configMaps(namespace)}${name}`;
export const secrets = (namespace: string): string => `${kube}secrets/${namespace}/`;
export const secret = (namespace: string, name: string): string => `${secrets(namespace)}${name}`;
export const deployment = (namespace: string, name: string): string => `${kube}deployments/${namespace}/${name}`;
export const daemonSet = (namespace: string, name: string): string => `${kube}daemonsets/${namespace}/${name}`;
/** Of the group operator.openshift.io. */
export const operator = (plural: string, name = 'cluster'): string => `${kube}operator.openshift.io/${plural}/${name}`;
/** Of the group config.openshift.io. */
export const config = (plural: string, name = 'cluster'): string => `${kube}config.openshift.io/${plural}/${name}`;
export const route = (namespace: string, name: string): string => `/openshift.io/routes/${namespace}/${name}`;
export const oauthClient = (name: string): string => `/openshift.io/oauth/clients/${name}`;

export const machineConfigs = `${kube}machineconfiguration.openshift.io/machineconfigs/`;
export const controllerConfig = `${kube}machineconfiguration.openshift.io/controllerconfigs/machine-config-controller`;
export const nodes = `${kube}minions/`;
