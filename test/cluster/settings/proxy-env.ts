import type { Identity, ProxySettings } from '../identity.ts';

/** An entry of a container's environment. `valueFrom` entries are carried along. */
export type EnvEntry = { readonly name: string; readonly value?: string; readonly valueFrom?: object };
export type Letters = 'upper' | 'lower';

type Pair = readonly [name: string, value: string];

const none: ProxySettings = { http: '', https: '', no: '' };

/** The values of a cluster that are used nearly everywhere: those of the status. All empty where there is no proxy. */
export const statusOf = ({ proxy }: Identity): ProxySettings => proxy?.status ?? none;

/** Whether going from one identity to the other asks for a proxy: option `proxy` is given. A cluster without one cannot be given one. */
export function asksForProxy(seed: Identity, now: Identity): boolean {
  return (
    seed.proxy !== undefined && now.proxy !== undefined && JSON.stringify(seed.proxy) !== JSON.stringify(now.proxy)
  );
}

const valuesOf = ({ http, https, no }: ProxySettings, letters: Letters): Pair[] =>
  letters === 'upper'
    ? [
        ['HTTP_PROXY', http],
        ['HTTPS_PROXY', https],
        ['NO_PROXY', no],
      ]
    : [
        ['http_proxy', http],
        ['https_proxy', https],
        ['no_proxy', no],
      ];

/**
 * A container's environment as it is expected under `now` (proxy/workloads): for each case of letters by itself, the entries that
 * are there give way to the new values that are not empty, at the place of the first; what is new stands before what was there.
 * Without an entry of that case, or without a change of proxy, everything stays.
 */
export function envAfter(seed: Identity, now: Identity, env: readonly EnvEntry[]): readonly EnvEntry[] {
  if (!asksForProxy(seed, now)) return env;
  return (['upper', 'lower'] as const).reduce<readonly EnvEntry[]>((entries, letters) => {
    const wanted = valuesOf(statusOf(now), letters).filter(([, value]) => value !== '');
    const names = valuesOf(none, letters).map(([name]) => name);
    const old = [...new Set(entries.filter(({ name }) => names.includes(name)).map(({ name }) => name))];
    if (old.length === 0) return entries;
    const fresh = wanted.filter(([name]) => !old.includes(name));
    const kept = old.flatMap((name) => wanted.filter(([other]) => other === name));
    const first = entries.findIndex(({ name }) => names.includes(name));
    const entry = ([name, value]: Pair): EnvEntry => ({ name, value });
    return [
      ...entries.slice(0, first),
      ...[...fresh, ...kept].map(entry),
      ...entries.slice(first).filter(({ name }) => !names.includes(name)),
    ];
  }, env);
}

/** The entries that an operator gives a container on a cluster with a proxy: the values that are not empty. None without a proxy. */
export function proxyEnv(seed: Identity, now: Identity, letters: Letters = 'upper'): readonly EnvEntry[] {
  return envAfter(
    seed,
    now,
    valuesOf(statusOf(seed), letters)
      .filter(([, value]) => value !== '')
      .map(([name, value]) => ({ name, value })),
  );
}

/**
 * `proxy` below `/spec/observedConfig/{targetconfig,workloadcontroller,targetconfigcontroller}` (proxy/observed). Absent on a cluster without
 * proxy. Observers write what is not empty; the edit sets all three. Names in order, so that an added one has its place.
 */
export function observedProxy(seed: Identity, now: Identity): Readonly<Record<string, string>> | undefined {
  if (seed.proxy === undefined) return undefined;
  const named = valuesOf(statusOf(asksForProxy(seed, now) ? now : seed), 'upper').sort(([one], [other]) =>
    one < other ? -1 : 1,
  );
  return Object.fromEntries(asksForProxy(seed, now) ? named : named.filter(([, value]) => value !== ''));
}

/** `/etc/mco/proxy.env` as the machine-config operator writes it: a line for each value that is not empty. */
export function proxyEnvText(seed: Identity, now: Identity): string {
  return valuesOf(statusOf(asksForProxy(seed, now) ? now : seed), 'upper')
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
