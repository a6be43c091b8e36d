import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What an installation ISO carries. Texts are the files' contents. */
export type LiveIsoWishes = {
  /** `ibi-configuration.json`. */
  readonly configuration: string;
  readonly seedImage: string;
  readonly pullSecret: string;
  /** Authorised key of the user "core"; empty for none. */
  readonly sshKey?: string;
  /** nmstate document. */
  readonly networkConfig?: string;
  /** PEM certificates that the site's registry needs. */
  readonly trustBundle?: string;
  readonly registriesConf?: string;
  /** The site's hook `/var/tmp/post.sh`. */
  readonly postScript?: string;
  readonly proxy?: { readonly http?: string; readonly https?: string; readonly no?: string };
};

type IgnitionFile = { path: string; mode: number; text: string };

/** Ignition configuration 3.2.0: the oldest that installers of the supported releases write, so that every live ISO reads it. */
export type IgnitionDocument = {
  readonly ignition: { readonly version: '3.2.0' };
  readonly passwd?: unknown;
  readonly storage: { readonly files: readonly unknown[] };
  readonly systemd: {
    readonly units: readonly { readonly name: string; readonly enabled: boolean; readonly contents: string }[];
  };
};

const top = import.meta.dirname;

/**
 * The Ignition document of an installation ISO: files, modes and units of the installer's (README.md), and ours hardened.
 * Embed it with `coreos-installer iso ignition embed`.
 */
export async function liveIsoIgnition(wishes: LiveIsoWishes): Promise<IgnitionDocument> {
  const files: IgnitionFile[] = [
    ...optional('/etc/containers/registries.conf', 0o644, wishes.registriesConf),
    ...optional('/etc/pki/ca-trust/source/anchors/additional-trust-bundle.pem', 0o600, wishes.trustBundle),
    ...optional('/var/tmp/post.sh', 0o755, wishes.postScript),
    {
      path: '/usr/local/bin/install-rhcos-and-restore-seed.sh',
      mode: 0o555,
      text: await readFile(join(top, 'files/install-rhcos-and-restore-seed.sh'), 'utf8'),
    },
    { path: '/var/tmp/pull-secret.json', mode: 0o600, text: line(wishes.pullSecret) },
    { path: '/var/tmp/ibi-configuration.json', mode: 0o600, text: line(wishes.configuration) },
    { path: '/var/tmp/network-config.yaml', mode: 0o600, text: line(wishes.networkConfig ?? '') },
    ...optional('/etc/ibi/proxy.env', 0o600, proxyEnvironment(wishes.proxy)),
  ];
  const unit = async (name: string, enabled: boolean): Promise<IgnitionDocument['systemd']['units'][number]> => ({
    name,
    enabled,
    contents: (await readFile(join(top, '../systemd-units', name), 'utf8')).replace(
      '@SEED_IMAGE@',
      systemdQuote(wishes.seedImage),
    ),
  });
  return {
    ignition: { version: '3.2.0' },
    ...(wishes.sshKey === undefined
      ? {}
      : { passwd: { users: [{ name: 'core', sshAuthorizedKeys: [wishes.sshKey] }] } }),
    storage: {
      files: files.map(({ path, mode, text }) => ({
        path,
        mode,
        overwrite: true,
        user: { name: 'root' },
        contents: { source: `data:text/plain;charset=utf-8;base64,${Buffer.from(text).toString('base64')}` },
      })),
    },
    systemd: {
      units: [
        await unit('ibi-no-auto-activation.service', true),
        await unit('network-config.service', (wishes.networkConfig ?? '').trim() !== ''),
        await unit('install-rhcos-and-restore-seed.service', true),
        await unit('ibi-failure.service', false),
      ],
    },
  };
}

function optional(path: string, mode: number, text: string | undefined): IgnitionFile[] {
  return text === undefined || text === '' ? [] : [{ path, mode, text }];
}

function line(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** Both spellings: podman reads lower case first, other programs only upper case. Kept in a 0600 file, as it may hold a password. */
function proxyEnvironment(proxy: LiveIsoWishes['proxy']): string {
  const pairs = [
    ['http_proxy', proxy?.http],
    ['https_proxy', proxy?.https],
    ['no_proxy', proxy?.no],
  ] as const;
  return pairs
    .flatMap(([name, value]) =>
      value === undefined || value === ''
        ? []
        : [`${name}=${environmentQuote(value)}`, `${name.toUpperCase()}=${environmentQuote(value)}`],
    )
    .map((text) => `${text}\n`)
    .join('');
}

function environmentQuote(value: string): string {
  return `"${value.replace(/[\\"$`]/g, '\\$&')}"`;
}

/** In unit files a percent sign begins a specifier, and blanks end a value. */
function systemdQuote(value: string): string {
  return value.replaceAll('%', '%%');
}
