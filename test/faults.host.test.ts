import assert from 'node:assert/strict';
import { open, stat } from 'node:fs/promises';
import { test } from 'tap';
import { configFile, openIbiLane, pullSecretFile, type IbiLane } from './ibi-lane.ts';
import type { Result } from './vm/command.ts';
import { everything } from './tier.ts';

/** What a person sees of a failed run: its exit code and the failure block, by its words. */
function block({ exitCode, stderr }: Result): {
  exitCode: number;
  at: string;
  what: string;
  why: string;
  next: string;
  leaves: string;
  text: string;
} {
  const lines = stderr.split('\n');
  const at = lines.findLastIndex((line) => line.startsWith('ibi: failed at '));
  assert.ok(at >= 0, `no failure block:\n${stderr}`);
  const text = lines.slice(at).join('\n');
  const of = (word: string): string =>
    lines
      .slice(at)
      .filter((line) => line.startsWith(`${word}:`))
      .map((line) => line.slice(9))
      .join('\n');
  return {
    exitCode,
    at: lines[at]?.slice(15) ?? '',
    what: of('what'),
    why: of('why'),
    next: of('next'),
    leaves: of('leaves'),
    text,
  };
}

/** Bytes that a write would hit first: both ends of the disk, where tables and signatures stand. */
async function endsOf(it: IbiLane): Promise<string> {
  const file = await open(it.lane.disk.file, 'r');
  try {
    const { size, blocks } = await stat(it.lane.disk.file);
    const parts = await Promise.all(
      [0, size - (1 << 20)].map(async (at) =>
        (await file.read(Buffer.alloc(1 << 20), 0, 1 << 20, at)).buffer.toString('base64'),
      ),
    );
    return `${String(blocks)} ${parts.join(' ')}`;
  } finally {
    await file.close();
  }
}

const run = (it: IbiLane, env?: NodeJS.ProcessEnv): Promise<Result> => it.ibi(['run', '-f', configFile], env);
const shell = (it: IbiLane, script: string): Promise<Result> => it.lane.run('bash', ['-c', script]);

await test('what can be found out before the disk is touched is found out before, and leaves every byte of it', async (t) => {
  await using it = await openIbiLane();
  const { lane, registry, seed } = it;
  await shell(it, `head -c 1048576 /dev/urandom > ${lane.disk.device}; sync`);
  const good = `registry.lab:5000/lab/seed:${seed.image.tag}`;
  const secretOf = (auth: string): string =>
    JSON.stringify({ auths: { 'registry.lab:5000': { auth: Buffer.from(auth).toString('base64') } } });
  const withSecret = async (text: string | undefined): Promise<void> => {
    if (text === undefined) await shell(it, `rm -f ${pullSecretFile}`);
    else await lane.run('bash', ['-c', 'cat > "$0"', pullSecretFile], { input: text });
  };

  type Case = {
    name: string;
    config?: Record<string, unknown>;
    prepare?: () => Promise<unknown>;
    restore?: () => Promise<unknown>;
    at: string;
    what: RegExp;
    exitCode?: number;
  };
  const cases: Case[] = [
    {
      name: 'a configuration that is not there',
      prepare: () => shell(it, `mv ${configFile} ${configFile}.away`),
      restore: () => shell(it, `mv ${configFile}.away ${configFile}`),
      at: 'read-config',
      what: /configuration file \/var\/tmp\/ibi-configuration.json does not exist/,
      exitCode: 2,
    },
    {
      name: 'a configuration with a typing error',
      config: { seedVersoin: 'x' },
      at: 'read-config',
      what: /unknown key "seedVersoin", nearest known key is "seedVersion"/,
      exitCode: 2,
    },
    {
      name: 'a disk that is a partition of another',
      prepare: () => shell(it, `printf 'label: gpt\\nsize=100M\\n' | sfdisk -q ${lane.disk.device}; udevadm settle`),
      config: { installationDisk: lane.disk.part(1) },
      restore: () =>
        shell(it, `dd if=/dev/zero of=${lane.disk.device} bs=1M count=1 conv=notrunc status=none; udevadm settle`),
      at: 'choose-disk',
      what: /is partition 1 of disk "loop\d+"; name the whole disk/,
      exitCode: 2,
    },
    {
      name: 'a disk that is a file',
      config: { installationDisk: '/etc/hostname' },
      at: 'choose-disk',
      what: /"\/etc\/hostname" is not a block device/,
      exitCode: 2,
    },
    {
      name: 'a seed that does not exist',
      config: { seedImage: 'registry.lab:5000/lab/none:1' },
      at: 'inspect-seed',
      what: /registry.lab:5000\/lab\/none:1/,
    },
    {
      name: 'a seed by a digest that does not exist',
      config: { seedImage: `registry.lab:5000/lab/seed@sha256:${'0'.repeat(64)}` },
      at: 'inspect-seed',
      what: /sha256:0000/,
    },
    {
      name: 'a reference that is none',
      config: { seedImage: 'registry.lab:5000/lab/Seed:1' },
      at: 'inspect-seed',
      what: /registry.lab:5000\/lab\/Seed:1/,
      exitCode: 2,
    },
    {
      name: 'a registry that nobody knows',
      config: { seedImage: 'nowhere.lab:5000/lab/seed:1' },
      at: 'inspect-seed',
      what: /nowhere.lab/,
    },
    {
      name: 'no pull secret',
      prepare: () => withSecret(undefined),
      restore: () => withSecret(registry.pullSecret),
      at: 'inspect-seed',
      what: /pull-secret.json/,
      exitCode: 2,
    },
    {
      name: 'a pull secret that is no JSON',
      prepare: () => withSecret('{"auths":'),
      restore: () => withSecret(registry.pullSecret),
      at: 'inspect-seed',
      what: /pull-secret.json/,
      exitCode: 2,
    },
    {
      name: 'a pull secret without this registry',
      prepare: () => withSecret('{"auths":{"other.example":{"auth":"YTpi"}}}'),
      restore: () => withSecret(registry.pullSecret),
      at: 'inspect-seed',
      what: /registry.lab:5000/,
    },
    {
      name: 'a wrong password',
      prepare: () => withSecret(secretOf('lab:canary-wrong-password')),
      restore: () => withSecret(registry.pullSecret),
      at: 'inspect-seed',
      what: /registry.lab:5000/,
    },
    {
      name: 'a certificate that is not trusted',
      prepare: () => shell(it, 'mv /etc/containers/certs.d /etc/containers/certs.away'),
      restore: () => shell(it, 'mv /etc/containers/certs.away /etc/containers/certs.d'),
      at: 'inspect-seed',
      what: /certificate/,
    },
    {
      name: 'another version than the configured one',
      config: { seedVersion: '4.18.0' },
      at: 'inspect-seed',
      what: /version specified in seed image \(4\.17\.0\) differs from version in spec \(4\.18\.0\)/,
    },
    {
      name: 'an extra partition that begins before the system ends',
      config: { extraPartitionStart: '1G' },
      at: 'check-space',
      what: /the extra partition would begin at 1,074 MB/,
    },
    {
      name: 'an extra partition larger than the disk',
      config: { extraPartitionStart: '-40G' },
      at: 'check-space',
      what: /partition size 40G is larger than disk size/,
    },
    {
      name: 'an extra partition start that is none',
      config: { extraPartitionStart: 'soon' },
      at: 'check-space',
      what: /invalid size format: soon/,
      exitCode: 2,
    },
  ];
  await it.configure({ seedImage: good });
  for (const { name, config, prepare, restore, at, what, exitCode = 1 } of cases) {
    await t.test(name, async () => {
      await prepare?.();
      const before = await endsOf(it);
      try {
        if (config !== undefined) await it.configure(config);
        const seen = block(await it.ibi(['run', '-f', configFile, '--give-up-after', '2']));
        assert.match(`${seen.what}\n${seen.why}`, what);
        assert.match(seen.at, new RegExp(`^step \\d+/\\d+ ${at}$`));
        assert.equal(seen.leaves, 'nothing on this machine was changed');
        assert.equal(seen.exitCode, exitCode, seen.text);
        assert.doesNotMatch(seen.text, /canary/);
        assert.equal(await endsOf(it), before, 'the disk has the same bytes');
      } finally {
        await restore?.();
        await it.configure();
      }
    });
  }
});

for (const [name, seed, what] of [
  ['of another architecture', { architecture: 'arm64' }, /architecture "arm64"/],
  [
    'of another format',
    { labels: { 'com.openshift.lifecycle-agent.seed_format_version': '3' } },
    /seed image format version mismatch: expected 4, got 3/,
  ],
  [
    'with a broken manifest in its label',
    { labels: { 'com.openshift.lifecycle-agent.seed_cluster_info': '{"seed' } },
    /seed manifest in label com.openshift.lifecycle-agent.seed_cluster_info cannot be read/,
  ],
] as const) {
  await test(`a seed ${name} is refused before the disk is touched`, async () => {
    await using it = await openIbiLane({ seed, imageCount: 1 });
    const before = await endsOf(it);
    const seen = block(await run(it));
    assert.match(seen.what, what);
    assert.equal(seen.leaves, 'nothing on this machine was changed');
    assert.equal(await endsOf(it), before);
  });
}

await test('programs that fail are named with their last words, and the next run goes on from there', async (t) => {
  await using it = await openIbiLane({ imageCount: 2 });
  const real = (program: string): string => `#!/bin/sh\nPATH=\${PATH#*:} exec ${program} "$@"\n`;
  // In the order of the flow: each run gets one step further.
  const cases: readonly (readonly [string, string, string])[] = [
    ['lsblk', 'exit 9', 'choose-disk'],
    ['wipefs', 'exit 9', 'release-disk'],
    ['coreos-installer', 'exit 9', 'write-os'],
    [
      'sfdisk',
      'case " $* " in *" -N "*|*--append*) exit 9;; esac; PATH=${PATH#*:} exec sfdisk "$@"',
      'lay-out-storage',
    ],
    ['mkfs.xfs', 'exit 9', 'lay-out-storage'],
    ['growpart', 'exit 9', 'lay-out-storage'],
    ['xfs_growfs', 'exit 9', 'mount-target'],
    ['tar', 'exit 9', 'fetch-seed'],
    ['ostree', 'case "$*" in "ls "*) exit 9;; esac; PATH=${PATH#*:} exec ostree "$@"', 'fetch-seed'],
    ['ostree', 'case "$*" in "admin deploy"*) exit 9;; esac; PATH=${PATH#*:} exec ostree "$@"', 'deploy-seed'],
    ['ostree', 'case "$*" in "admin undeploy"*) exit 9;; esac; PATH=${PATH#*:} exec ostree "$@"', 'drop-stock-os'],
    ['umount', 'exit 9', 'seal'],
  ];
  // Each is a run: the usual test takes a third of them, from all parts of the flow.
  for (const [program, does, at] of cases.filter((_, index) => everything || index % 3 === 1)) {
    await t.test(`${program} in ${at}`, async () => {
      await it.lane.fake(program, `#!/bin/bash\necho "${program}: broken by the test" >&2\n${does}\n`);
      const seen = block(await run(it));
      assert.match(seen.at, new RegExp(` ${at}$`), seen.text);
      assert.equal(seen.exitCode, 1);
      assert.match(seen.text, new RegExp(`${program}: broken by the test`), seen.text);
      await it.lane.fake(program, real(program));
    });
  }
  const last = await run(it);
  assert.equal(last.exitCode, 0, last.stderr);
  assert.match(last.stderr, /write-os: skipped: already done/);
  assert.match(last.stderr, /fetch-seed: skipped: already done/);
});

await test('a full file system is named as such, whichever it is, and the next run finishes', async (t) => {
  await using it = await openIbiLane({ imageCount: 2 });
  const fill = (program: string, folder: string, when = '*'): string =>
    `#!/bin/bash\ncase "$*" in ${when}) [ -e ${folder}/ballast ] || { fallocate -l "$(df --output=avail -B1 ${folder} | tail -1)" ${folder}/ballast 2>/dev/null; cat /dev/zero > ${folder}/ballast2 2>/dev/null; };; esac\nPATH=\${PATH#*:} exec ${program} "$@"\n`;
  const cases: readonly (readonly [string, string, string, string])[] = [
    ['the root file system', 'tar', fill('tar', '/mnt'), 'fetch-seed'],
    ['the boot file system', 'ostree', fill('ostree', '/mnt/boot', '"admin deploy"*'), 'deploy-seed'],
    ['container storage', 'podman', fill('podman', '/var/lib/containers', '*pull*'), 'pull-images'],
  ];
  for (const [name, program, script, at] of cases.filter((_, index) => everything || index === 1)) {
    await t.test(name, async () => {
      await it.lane.fake(program, script);
      const seen = block(await run(it));
      assert.match(seen.at, new RegExp(` ${at}$`), seen.text);
      assert.match(seen.text, /[Nn]o space left|disk is full|ENOSPC/, seen.text);
      await it.lane.fake(program, `#!/bin/sh\nPATH=\${PATH#*:} exec ${program} "$@"\n`);
      await shell(it, 'rm -f /mnt/ballast* /mnt/boot/ballast* /var/lib/containers/ballast*');
    });
  }
  const last = await run(it);
  assert.equal(last.exitCode, 0, last.stderr);
});

await test('a registry that breaks off, stalls, asks for patience or is away does not fail the installation, and nothing is fetched twice', async () => {
  await using it = await openIbiLane({ imageCount: 3 });
  const { front } = it.registry;
  const seedLayer = it.seed.image.layers[0];
  assert.ok(seedLayer !== undefined);
  let cuts = 0;
  let busy = 0;
  front.setFaults(({ blob, path }) => {
    if (blob === seedLayer.digest && cuts < 3) {
      cuts += 1;
      return { cutAfterBytes: Math.floor(seedLayer.sizeBytes / 5) };
    }
    if (path.includes('/manifests/') && busy < 3) {
      busy += 1;
      return busy === 1 ? { answer: 429, headers: { 'retry-after': '1' } } : { answer: 503 };
    }
    return undefined;
  });
  const result = await run(it);
  assert.equal(result.exitCode, 0, result.stderr);
  assert.equal(cuts, 3);
  // What was under way in a socket when it was cut is counted on one side only.
  const ratio = (front.blobBytes().get(seedLayer.digest) ?? 0) / seedLayer.sizeBytes;
  assert.ok(ratio > 0.95 && ratio < 1.05, `the stream went on where it was cut: ${ratio.toFixed(3)}`);
});

await test('a blob with other content than its digest is refused, and the disk is not finished', async () => {
  await using it = await openIbiLane({ imageCount: 1 });
  const seedLayer = it.seed.image.layers[0];
  it.registry.front.setFaults(({ blob }) => (blob === seedLayer?.digest ? { flipByteAt: 1_000_000 } : undefined));
  const seen = block(await run(it));
  assert.match(seen.at, / fetch-seed$/);
  assert.match(seen.text, /other content|cannot be inflated|cannot be unpacked|no tar archive/);
  it.registry.front.setFaults(undefined);
  const again = await run(it);
  assert.equal(again.exitCode, 0, again.stderr);
});

await test('a missing image fails the run by its name, or is named and left with precacheBestEffort', async () => {
  await using it = await openIbiLane({
    imageCount: 2,
    seed: { containers: ['registry.lab:5000/lab/app-00:app-00', 'registry.lab:5000/lab/missing:1'] },
  });
  const seen = block(await run(it));
  assert.match(seen.at, / pull-images$/);
  assert.equal(seen.what, 'failed to pre-cache one or more images');
  assert.match(seen.why, /1 of 2 are missing, the first is "registry.lab:5000\/lab\/missing:1"/);
  const status = JSON.parse(
    (await it.lane.run('cat', ['/var/lib/lca/workspace/precache_status.json'])).stdout,
  ) as Record<string, unknown>;
  assert.deepEqual(status, { total: 2, pulled: 1, failed: 1, failed_pulls: ['registry.lab:5000/lab/missing:1'] });
  await it.configure({ precacheBestEffort: true });
  const taken = await run(it);
  assert.equal(taken.exitCode, 0, taken.stderr);
  assert.match(taken.stderr, /warning: .*image "registry.lab:5000\/lab\/missing:1" is missing/);
});

await test("the site hook runs once with everything mounted; its failure is the run's, with its words", async () => {
  await using it = await openIbiLane({ imageCount: 1 });
  await shell(
    it,
    'printf \'#!/bin/bash\\necho from the hook; findmnt -n /mnt /mnt/boot >/dev/null; test -d /var/lib/containers/storage; test "$(pwd)" = /; [ -e /run/allow ] || { echo not allowed >&2; exit 7; }; echo x >> /run/hooked\\n\' > /var/tmp/post.sh; chmod +x /var/tmp/post.sh',
  );
  const seen = block(await run(it));
  assert.match(seen.at, / site-hook$/);
  assert.match(seen.text, /not allowed/);
  await shell(it, 'touch /run/allow');
  assert.equal((await run(it)).exitCode, 0);
  assert.equal((await it.lane.run('cat', ['/run/hooked'])).stdout, 'x\n');
});

await test('SIGTERM stops in order with exit code 75, and the next run continues', async () => {
  await using it = await openIbiLane({ imageCount: 1 });
  it.registry.front.setRate(4_000_000);
  let output = '';
  const started = await it.start(['run', '-f', configFile], {
    onData: (chunk) => {
      output += chunk.toString();
    },
  });
  while (!output.includes('fetch-seed') && started.isRunning()) await new Promise((resolve) => setTimeout(resolve, 50));
  await started.kill('SIGTERM');
  await started.ended;
  assert.match(output, /SIGTERM received/);
  assert.match(output, /what: {4}stopped on request/);
  it.registry.front.setRate(undefined);
  const again = await run(it);
  assert.equal(again.exitCode, 0, again.stderr);
  assert.match(again.stderr, /write-os: skipped: already done/);
});

await test('a second ibi is refused while one is at work', async () => {
  await using it = await openIbiLane({ imageCount: 1 });
  it.registry.front.setRate(2_000_000);
  let output = '';
  await using started = await it.start(['run', '-f', configFile], {
    onData: (chunk) => {
      output += chunk.toString();
    },
  });
  while (!output.includes('choose-disk') && started.isRunning())
    await new Promise((resolve) => setTimeout(resolve, 50));
  const second = await run(it);
  assert.equal(second.exitCode, 3, second.stderr);
  assert.match(second.stderr, /another ibi is at work \(process \d+\)/);
});

await test('a finished disk is refused with every byte unchanged, and written again on request', async () => {
  await using it = await openIbiLane({ imageCount: 1 });
  assert.equal((await run(it)).exitCode, 0);
  const before = await endsOf(it);
  const seen = block(await run(it));
  assert.equal(seen.exitCode, 3);
  assert.match(seen.what, /was finished with this very configuration/);
  assert.equal(await endsOf(it), before);
  await it.configure({ reinstall: true });
  const again = await run(it);
  assert.equal(again.exitCode, 0, again.stderr);
  assert.doesNotMatch(again.stderr, /write-os: skipped/);
});
