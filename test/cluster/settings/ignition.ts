import type { Identity } from '../identity.ts';
import { asksForProxy, proxyEnvText, statusOf } from './proxy-env.ts';

/** The form in which the machine-config operator writes a file's content: any other spelling means a reboot (form/data-url). */
export const dataUrl = (text: string): string => `data:,${encodeURIComponent(text)}`;

/** A value that is only changed where it was: options that name a thing the seed does not have are refused. */
const where = <T>(was: T | undefined, is: T | undefined): T | undefined =>
  was === undefined ? undefined : (is ?? was);

/** The custom bundle of the cluster; undefined where the seed has none. */
export const userCaBundleOf = (seed: Identity, now: Identity): string | undefined =>
  where(seed.userCaBundle, now.userCaBundle);

export const anchorPath = '/etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt';

/** Files of a rendered MachineConfig, of currentconfig and of mcs-machine-config-content.json that options of settings edit. */
export function ignitionFiles(seed: Identity, now: Identity): readonly object[] {
  const file = (path: string, text: string): object => ({
    contents: { compression: '', source: dataUrl(text) },
    mode: 420,
    overwrite: true,
    path,
  });
  const bundle = userCaBundleOf(seed, now);
  return [
    file('/etc/chrony.conf', now.chrony),
    file('/etc/mco/proxy.env', proxyEnvText(seed, now)),
    ...(bundle === undefined ? [] : [file(anchorPath, bundle)]),
    file('/var/lib/kubelet/config.json', now.pullSecret),
  ];
}

/**
 * Members of ControllerConfig/machine-config-controller `/spec`. Both always exist; a cluster without proxy values has `proxy: null`, which
 * stays null (proxy/controller-config). Names of `proxy` stand in order.
 */
export function controllerConfigSpec(
  seed: Identity,
  now: Identity,
): { readonly additionalTrustBundle: string | null; readonly proxy: Readonly<Record<string, string>> | null } {
  const bundle = userCaBundleOf(seed, now);
  const before = statusOf(seed);
  const hasProxy = Object.values(before).some((value) => value !== '');
  const named = (({ http, https, no }) => ({ httpProxy: http, httpsProxy: https, noProxy: no }))(
    statusOf(asksForProxy(seed, now) ? now : seed),
  );
  return {
    additionalTrustBundle: bundle === undefined ? null : Buffer.from(bundle).toString('base64'),
    proxy: !hasProxy
      ? null
      : asksForProxy(seed, now)
        ? named
        : Object.fromEntries(Object.entries(named).filter(([, value]) => value !== '')),
  };
}
