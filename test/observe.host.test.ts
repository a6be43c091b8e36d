import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { test } from 'tap';
import { extract } from 'tar-stream';
import { configFile, openIbiLane, type IbiLane } from './ibi-lane.ts';

const text = async (it: IbiLane, ...command: [string, ...string[]]): Promise<string> =>
  (await it.lane.run(command[0], command.slice(1))).stdout;

async function bundleOf(it: IbiLane, path: string): Promise<Map<string, string>> {
  const bytes = Buffer.from(await text(it, 'base64', '-w0', path), 'base64');
  const files = new Map<string, string>();
  const archive = extract();
  Readable.from([gunzipSync(bytes)]).pipe(archive);
  for await (const entry of archive) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(Buffer.from(part as Uint8Array));
    files.set(entry.header.name.replace(/^[^/]*\//, ''), Buffer.concat(parts).toString());
  }
  return files;
}

await test('a run can be watched, looked ahead at, drawn and gathered, and no secret appears anywhere', async (t) => {
  await using it = await openIbiLane({ imageCount: 3 });
  const canaries = [it.registry.password, Buffer.from(`lab:${it.registry.password}`).toString('base64')];
  const everything: string[] = [];

  await t.test('plan says what would run and changes nothing', async () => {
    const { exitCode, stdout, stderr } = await it.ibi(['plan', '-f', configFile]);
    everything.push(stdout, stderr);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^ {2} 8 write-os +run +not done yet$/m);
    assert.match(stdout, /^ {2}19 power-off +skip +the configuration does not ask for it$/m);
    assert.equal(await text(it, 'bash', '-c', `blkid ${it.lane.disk.device} || echo blank`), 'blank\n');
    const json = JSON.parse((await it.ibi(['plan', '-f', configFile, '--json'])).stdout) as {
      steps: { step: string; would: string }[];
    };
    assert.equal(json.steps.find(({ step }) => step === 'seal')?.would, 'run');
  });

  await t.test('progress events follow the documented protocol', async () => {
    const { stdout } = await it.lane.run(
      'bash',
      [
        '-c',
        'exec 3> /run/progress.jsonl; exec "$@"',
        '-',
        process.execPath,
        `${import.meta.dirname}/../cmd/main.ts`,
        'ibi',
        'run',
        '-f',
        configFile,
        '--progress-fd',
        '3',
        '-v',
      ],
      { budgetMs: 300_000, accept: 'any' },
    );
    everything.push(stdout);
    const events = (await text(it, 'cat', '/run/progress.jsonl'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      [events[0]?.['type'], events[0]?.['version'], events[0]?.['program'], events[0]?.['steps']],
      ['start', 1, 'ibi', 19],
    );
    assert.deepEqual(
      [events.at(-1)?.['type'], events.at(-1)?.['state'], events.at(-1)?.['exitCode']],
      ['end', 'done', 0],
    );
    assert.ok(events.every((event) => !Number.isNaN(Date.parse(String(event['time'])))));
    const bytes = events.filter((event) => event['type'] === 'progress' && event['step'] === 'fetch-seed');
    assert.ok(
      bytes.length > 0 && bytes.at(-1)?.['done'] === bytes.at(-1)?.['total'] && bytes.at(-1)?.['unit'] === 'bytes',
    );
    const steps = events
      .filter((event) => event['type'] === 'step')
      .map((event) => `${String(event['step'])} ${String(event['state'])}`);
    assert.ok(
      steps.indexOf('fetch-seed started') < steps.indexOf('fetch-seed done') && steps.includes('power-off skipped'),
    );
  });

  await t.test('status tells the last run, as text and JSON', async () => {
    const { stdout } = await it.ibi(['status']);
    everything.push(stdout);
    assert.match(stdout, /^done, last sign of life /);
    assert.match(stdout, /^ {2}deploy-seed +done +\d/m);
    const json = JSON.parse((await it.ibi(['status', '--json'])).stdout) as {
      status: { state: string };
      runs: { steps: unknown[] }[];
    };
    assert.equal(json.status.state, 'done');
    assert.equal(json.runs.at(-1)?.steps.length, 19);
  });

  await t.test('timeline draws the run, and the same from the finished disk', async () => {
    const { stdout } = await it.ibi(['timeline', '--svg', '/run/timeline.svg']);
    assert.match(stdout, /^ibi [\d.a-z-]+, .* done in /);
    assert.match(await text(it, 'cat', '/run/timeline.svg'), /^<svg [\s\S]*write-os[\s\S]*<\/svg>\n$/);
    const fromDisk = await it.ibi(['timeline', it.lane.disk.byId]);
    assert.equal(fromDisk.exitCode, 0, fromDisk.stderr);
    assert.match(fromDisk.stdout, /verify-disk/);
  });

  await t.test('the installed host keeps record, log and timeline under /var/log/ibi', async () => {
    const script =
      'mount -o ro /dev/disk/by-partlabel/root /run/look 2>/dev/null || { mkdir -p /run/look; mount -o ro /dev/disk/by-partlabel/root /run/look; }; cd /run/look/ostree/deploy/rhcos_4.17.0/var/log/ibi; ls; cat *; cat /run/look/ostree/.ibi/record.json; ls -a /run/look/ostree/.ibi; cd /; umount /run/look';
    const kept = await text(it, 'bash', '-c', script);
    everything.push(kept);
    assert.match(kept, /^ibi\.jsonl\njournal\.json\ntimeline\.json\n/);
    assert.match(kept, /"state": "sealed"/);
    assert.doesNotMatch(kept, /^seed$/m, 'the copy of the seed is gone');
  });

  await t.test('disks lists the target as the check sees it', async () => {
    const { stdout } = await it.ibi(['disks']);
    assert.match(stdout, /target/);
  });

  await t.test(
    'gather makes one archive in which no secret stands, on a finished, an idle and a broken machine',
    async () => {
      const { stdout, exitCode } = await it.ibi(['gather', '-f', configFile, '/run/bundle.tar.gz']);
      assert.equal(exitCode, 0);
      assert.equal(stdout, '/run/bundle.tar.gz\n');
      const files = await bundleOf(it, '/run/bundle.tar.gz');
      for (const name of ['journal.json', 'status.json', 'ibi.jsonl', 'configuration', 'disks.txt', 'mountinfo'])
        assert.ok((files.get(name) ?? '').length > 10, name);
      everything.push(...files.values());
      // Nothing else works: no programs, no configuration.
      const poor = await it.lane.run(
        'env',
        [
          'PATH=/nonexistent',
          process.execPath,
          `${import.meta.dirname}/../cmd/main.ts`,
          'ibi',
          'gather',
          '/run/poor.tar.gz',
        ],
        { accept: 'any' },
      );
      assert.equal(poor.exitCode, 0, poor.stderr);
      assert.match(
        (await bundleOf(it, '/run/poor.tar.gz')).get('kernel.txt') ?? '',
        /not collected: dmesg: program not found/,
      );
    },
  );

  for (const canary of canaries) assert.ok(!everything.some((piece) => piece.includes(canary)), 'a secret got out');
});
