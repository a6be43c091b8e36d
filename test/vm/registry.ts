import { randomBytes, randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { makeServerCertificate, type ServerCertificate } from '../certificates/server.ts';
import { read, run, start, until, type Background } from './command.ts';
import { startFront, type Front } from './registry-front.ts';
import { tempDir } from './resources.ts';

/*
 * INVARIANTS
 * - Everybody reaches the registry as `registry.lab:5000`: the guest through QEMU's guestfwd at 10.0.2.100, the loop lane
 *   through its private /etc/hosts. So image references are the same everywhere and seeds can be cached.
 * - The port is always 5000 and the address differs: each registry takes its own random address of the loopback network.
 *   With a shared address a second job's registry would end at "address already in use" and its tests would go on,
 *   without noticing, with the first one's.
 */

export const registryName = 'registry.lab:5000';
export const guestAddress = '10.0.2.100';

export type Registry = AsyncDisposable & {
  /** Loopback address of the front, for guestfwd and for /etc/hosts. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** A canary: this text must appear in no log. */
  readonly password: string;
  readonly certificates: ServerCertificate;
  readonly front: Front;
  /** Docker's auth file for `registry.lab:5000`: the pull secret. */
  readonly pullSecret: string;
  readonly pullSecretFile: string;
  readonly logFile: string;
  /** Copies an image of an OCI layout, or of an archive of `docker save`; returns its reference by tag. */
  push(layout: string, tag: string, repository?: string): Promise<string>;
  process: Background;
};

export async function startRegistry(): Promise<Registry> {
  const scope = new AsyncDisposableStack();
  try {
    const work = scope.use(await tempDir('registry'));
    const address = `127.${String(randomInt(1, 255))}.${String(randomInt(0, 256))}.${String(randomInt(2, 255))}`;
    const certificates = await makeServerCertificate(work.path, {
      authority: 'lab registry CA',
      server: 'registry.lab',
      names: ['registry.lab', 'localhost', '127.0.0.1', address, guestAddress],
    });
    const user = 'lab';
    const password = `canary-registry-${randomBytes(9).toString('hex')}`;
    const logFile = join(work.path, 'registry.log');
    const process = scope.use(await startProcess(work.path, { address, certificates, user, password, logFile }));
    const front = scope.use(await startFront({ address, port: 5000, upstream: { address, port: 5001 }, certificates }));
    const auth = Buffer.from(`${user}:${password}`).toString('base64');
    const pullSecret = JSON.stringify({ auths: { [registryName]: { auth, email: 'lab@example.com' } } });
    const pullSecretFile = join(work.path, 'pull-secret.json');
    await writeFile(pullSecretFile, pullSecret, { mode: 0o600 });
    const pushAuthFile = join(work.path, 'push-auth.json');
    await writeFile(pushAuthFile, JSON.stringify({ auths: { [`${address}:5001`]: { auth } } }), { mode: 0o600 });
    const held = scope.move();
    return {
      address,
      port: 5000,
      user,
      password,
      certificates,
      front,
      pullSecret,
      pullSecretFile,
      logFile,
      process,
      async push(layout, tag, repository = 'lab/seed') {
        await run('skopeo', [
          'copy',
          '--quiet',
          '--dest-cert-dir',
          certificates.trustDir,
          '--dest-authfile',
          pushAuthFile,
          layout.endsWith('.tar') ? `docker-archive:${layout}` : `oci:${layout}:${tag}`,
          `docker://${address}:5001/${repository}:${tag}`,
        ]);
        return `${registryName}/${repository}:${tag}`;
      },
      async [Symbol.asyncDispose]() {
        await held.disposeAsync();
      },
    };
  } finally {
    await scope.disposeAsync();
  }
}

type Settings = { address: string; certificates: ServerCertificate; user: string; password: string; logFile: string };

async function startProcess(
  dir: string,
  { address, certificates, user, password, logFile }: Settings,
): Promise<Background> {
  await mkdir(join(dir, 'data'));
  await writeFile(join(dir, 'htpasswd'), `${user}:${await bcrypt(password)}\n`);
  await writeFile(
    join(dir, 'config.json'),
    JSON.stringify({
      version: '0.1',
      log: { level: 'info', formatter: 'json', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(dir, 'data') }, delete: { enabled: true } },
      auth: { htpasswd: { realm: 'lab', path: join(dir, 'htpasswd') } },
      http: {
        addr: `${address}:5001`,
        relativeurls: true,
        secret: 'lab',
        tls: { certificate: certificates.certFile, key: certificates.keyFile },
      },
    }),
  );
  const registry = await start('docker-registry', ['serve', join(dir, 'config.json')], { logFile });
  try {
    await until(
      'the registry to answer',
      async () => {
        if (!registry.isRunning()) throw new Error(`the registry ended at once, see ${logFile}`);
        return answers(address, certificates.ca);
      },
      30_000,
    );
  } catch (error) {
    await registry.stop();
    throw error;
  }
  return registry;
}

/** Nothing but 401 proves TLS and authentication at once. */
async function answers(address: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: address, port: 5001, path: '/v2/', ca, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 401);
    }).once('error', () => resolve(false));
  });
}

/** htpasswd's own hash. libcrypt has it, perl-base is on every Debian: no further package. The password travels by stdin. */
async function bcrypt(password: string): Promise<string> {
  const salt = randomBytes(16).toString('hex').slice(0, 21);
  return read('perl', ['-e', `chomp(my $p = <STDIN>); print crypt($p, '$2y$05$${salt}u');`], {
    input: `${password}\n`,
  });
}
