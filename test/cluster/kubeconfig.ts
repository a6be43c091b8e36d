/** Kubeconfigs as operators and the kubelet write them: YAML, with everything embedded in base64. */

export type KubeconfigUser =
  | { readonly certificate: string; readonly key: string }
  | { readonly token: string }
  | { readonly certificateFile: string };

export function kubeconfig(server: string, ca: string, name: string, user: KubeconfigUser, context = name): string {
  const embed = (text: string): string => Buffer.from(text).toString('base64');
  const lines =
    'certificate' in user
      ? [`    client-certificate-data: ${embed(user.certificate)}`, `    client-key-data: ${embed(user.key)}`]
      : 'token' in user
        ? [`    token: ${user.token}`]
        : [`    client-certificate: ${user.certificateFile}`, `    client-key: ${user.certificateFile}`];
  return [
    'apiVersion: v1',
    'clusters:',
    '- cluster:',
    `    certificate-authority-data: ${embed(ca)}`,
    `    server: ${server}`,
    `  name: ${name}`,
    'contexts:',
    '- context:',
    `    cluster: ${name}`,
    `    user: ${context}`,
    `  name: ${context}`,
    `current-context: ${context}`,
    'kind: Config',
    'preferences: {}',
    'users:',
    `- name: ${context}`,
    '  user:',
    ...lines,
    '',
  ].join('\n');
}
