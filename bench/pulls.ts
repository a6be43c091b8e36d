import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHost, type Host } from '../internal/host/host.ts';
import { openLog } from '../internal/log/log.ts';
import { openEgress } from '../internal/registry/egress.ts';
import { pullImages } from '../internal/registry/pull.ts';
import { openRegistry } from '../internal/registry/registry.ts';
import { makeCertificates, makeLayer, pushImage, startPeer, type Peer } from '../test/registry-peer.ts';

/** One line of a bench: ours against the reference on the same data in the same run. */
export type Row = {
  readonly name: string;
  readonly ours: number;
  readonly reference: number;
  readonly ratio: number;
  readonly unit: string;
};

const imageCount = 24;
const atOnce = 10;
const MB = 1_000_000;

/**
 * 24 images that share layers as those of a release do: a base of all, a layer for each family of six, one of its own. Ours against ten
 * `podman pull` at once, which is what the reference does. Bytes are those of layers in the registry's own access log.
 *
 * Everything runs in a network namespace of its own, so that shaping its loopback touches nobody.
 */
export function benchPulls(): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    const child = spawn('unshare', ['--net', '--', process.execPath, import.meta.filename, '--inside'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    child.on('error', reject).on('close', (status) => {
      if (status === 0)
        resolve(JSON.parse(text) as Row[]); // our own output
      else reject(new Error(`the bench in the namespace ended with status ${String(status)}`));
    });
  });
}

async function inside(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-pulls-'));
  const log = openLog({
    program: 'bench',
    write: (line) => {
      if (process.env['BENCH_TALK'] !== undefined) process.stderr.write(line);
    },
  });
  const plain = openHost({ log, env: { PATH: process.env['PATH'], HOME: folder } });
  try {
    await plain.run('ip', ['link', 'set', 'lo', 'up']);
    const certificates = await makeCertificates(join(folder, 'tls'));
    const account = { username: 'bench', password: 'bench-password' };
    await using peer = await startPeer({ folder: join(folder, 'peer'), account, certificates, accessLog: true });
    const { names, unique } = await makeImages(peer);
    const authFile = join(folder, 'auth.json');
    await writeFile(
      authFile,
      JSON.stringify({
        auths: { [peer.address]: { auth: Buffer.from(`${account.username}:${account.password}`).toString('base64') } },
      }),
    );
    const conf = join(folder, 'registries.conf');
    await writeFile(conf, '');
    const host = openHost({
      log,
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        SSL_CERT_FILE: certificates.caFile,
        CONTAINERS_REGISTRIES_CONF: conf,
      },
    });
    const layers = new Set(unique.keys());
    const uniqueBytes = [...unique.values()].reduce((sum, size) => sum + size, 0);

    const measure = async (how: (root: string) => Promise<void>): Promise<{ seconds: number; bytes: number }> => {
      const store = join(folder, 'store');
      const before = await layerBytes(join(folder, 'peer/registry.log'), layers);
      await plain.run('sync', []);
      const started = performance.now();
      await how(store);
      const seconds = (performance.now() - started) / 1000;
      const after = await layerBytes(join(folder, 'peer/registry.log'), layers);
      await rm(store, { recursive: true, force: true });
      return { seconds, bytes: after - before };
    };
    const ours = (): ReturnType<typeof measure> =>
      measure(async (root) => {
        using registry = openRegistry(host, await openEgress(host, { authFile, paths: { certFolders: [] } }));
        const report = await pullImages(host, names, {
          registry,
          authFile,
          threads: atOnce,
          store: { root: join(root, 'storage'), runRoot: join(root, 'run') },
        });
        if (report.failed.length > 0 || report.pulled !== imageCount)
          throw new Error(`ours failed: ${JSON.stringify(report.failed[0])}`);
      });
    const reference = (): ReturnType<typeof measure> => measure((root) => pullAllAtOnce(host, names, authFile, root));

    const open = { ours: await ours(), reference: await reference() };
    await plain.run('tc', [
      'qdisc',
      'add',
      'dev',
      'lo',
      'root',
      'tbf',
      'rate',
      '100mbit',
      'burst',
      '256k',
      'latency',
      '100ms',
    ]);
    const shaped = { ours: await ours(), reference: await reference() };
    return [
      row(
        'layer bytes from the registry, per unique byte',
        shaped.ours.bytes / uniqueBytes,
        shaped.reference.bytes / uniqueBytes,
        '×',
      ),
      row('24 images at 100 Mbit/s', shaped.ours.seconds, shaped.reference.seconds, 's'),
      row('24 images, unshaped', open.ours.seconds, open.reference.seconds, 's'),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The reference's way: ten workers, each `podman pull` of the next image, up to five attempts. */
async function pullAllAtOnce(host: Host, names: readonly string[], authFile: string, root: string): Promise<void> {
  const queue = names.values();
  const worker = async (): Promise<void> => {
    for (const name of queue) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await host.run(
            'podman',
            ['--root', join(root, 'storage'), '--runroot', join(root, 'run'), 'pull', name, '--authfile', authFile],
            { budgetMs: Infinity },
          );
          break;
        } catch (error) {
          if (attempt === 5) throw error;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function makeImages(peer: Peer): Promise<{ names: string[]; unique: Map<string, number> }> {
  const unique = new Map<string, number>();
  const names: string[] = [];
  const base = [await layerOf('base', 24), await layerOf('tools', 8)];
  const families = await Promise.all(Array.from({ length: 4 }, (_, index) => layerOf(`family${index}`, 8)));
  for (let index = 0; index < imageCount; index += 1) {
    const family = families[index % families.length];
    if (family === undefined) throw new Error('no family');
    const image = await pushImage(peer, `bench/image${index}`, 'v1', [
      ...base,
      family,
      await layerOf(`own${index}`, 2 + (index % 4)),
    ]);
    for (const { digest, size } of image.layers) unique.set(digest, size);
    names.push(`${peer.address}/bench/image${index}:v1`);
  }
  return { names, unique };
}

/** Half noise, half text, in 64 files: neither all network nor all unpacking. */
function layerOf(name: string, megabytes: number): ReturnType<typeof makeLayer> {
  const part = (megabytes * MB) / 64;
  return makeLayer(
    Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [
        `${name}/${index}`,
        Buffer.concat([randomBytes(part), Buffer.alloc(part, `${name} ${index} `)]),
      ]),
    ),
  );
}

/** Bytes of layers that the registry says it sent. */
async function layerBytes(file: string, layers: ReadonlySet<string>): Promise<number> {
  const text = await readFile(file, 'utf8');
  return [...text.matchAll(/"GET \/v2\/\S+\/blobs\/(sha256:[0-9a-f]+) HTTP\/1\.1" 20[06] (\d+)/g)].reduce(
    (sum, [, digest, bytes]) => (layers.has(digest ?? '') ? sum + Number(bytes) : sum),
    0,
  );
}

function row(name: string, ours: number, reference: number, unit: string): Row {
  return { name, ours, reference, ratio: ours / reference, unit };
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes('--inside')) {
    process.stdout.write(JSON.stringify(await inside()));
  } else {
    const rows = await benchPulls();
    const lines = rows.map(
      ({ name, ours, reference, ratio, unit }) =>
        `${name.padEnd(48)} ${`${ours.toFixed(2)} ${unit}`.padStart(10)} ${`${reference.toFixed(2)} ${unit}`.padStart(12)} ${ratio.toFixed(2).padStart(7)}`,
    );
    process.stdout.write(
      process.argv.includes('--json')
        ? `${JSON.stringify(rows)}\n`
        : `${'what'.padEnd(48)} ${'ours'.padStart(10)} ${'reference'.padStart(12)} ${'ratio'.padStart(7)}\n${lines.join('\n')}\n`,
    );
  }
}
