import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEtcd, type EtcdServer } from '../../../test/cluster/etcd-server.ts';
import { openEtcd, type Etcd } from '../../etcd/etcd.ts';
import { openHost, type Host } from '../../host/host.ts';
import { openLog } from '../../log/log.ts';
import type { Document, Replacement } from '../document.ts';
import { commit, type CommitInput, type MemberChange, type Written } from './commit.ts';

/** A host whose log goes nowhere. */
export const quietHost = (stop?: AbortSignal): Host =>
  openHost({
    log: openLog({ program: 'recert', write: () => undefined }),
    env: process.env,
    ...(stop === undefined ? {} : { stop }),
  });

export const keyCount = 300;
export const fileCount = 24;
export const keyName = (at: number): string => `/kubernetes.io/secrets/ns-${at % 7}/s${String(at).padStart(3, '0')}`;

/** etcd values and files of one generation: what a run is to replace by those of the next. */
export const valueOf = (generation: number, name: string): Buffer =>
  Buffer.from(`generation ${generation} of ${name} ${'.'.repeat(name.length * 50)}\n`);

/** A real etcd and a tree of files, and what a plan over them looks like. */
export type World = AsyncDisposable & {
  readonly top: string;
  readonly tree: string;
  readonly state: string;
  readonly server: EtcdServer;
  readonly etcd: Etcd;
};

export async function openWorld(options: { tree?: string; flags?: readonly string[] } = {}): Promise<World> {
  const top = await mkdtemp(join(tmpdir(), 'recert-commit-'));
  const tree = options.tree ?? join(top, 'tree');
  const server = await startEtcd(join(top, 'etcd'), {
    ...(options.flags === undefined ? {} : { flags: options.flags }),
  });
  const etcd = await openEtcd(server.endpoint, { budgetMs: 1500 });
  await etcd.commit(
    Array.from({ length: keyCount }, (_, at) => ({ kind: 'put', key: keyName(at), value: valueOf(1, keyName(at)) })),
  );
  for (let at = 0; at < fileCount; at += 1) {
    const folder = join(tree, `d${at % 5}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `f${at}.key`), valueOf(1, `f${at}`), { mode: 0o600 + (at % 2) * 0o44 });
  }
  await symlink('d0', join(tree, '..data'));
  return {
    top,
    tree,
    server,
    etcd,
    state: join(top, 'state'),
    async [Symbol.asyncDispose]() {
      await etcd[Symbol.asyncDispose]();
      await server.stop('SIGKILL');
      await rm(top, { recursive: true, force: true });
    },
  };
}

export const filesOf = (tree: string): string[] =>
  Array.from({ length: fileCount }, (_, at) => join(tree, `d${at % 5}`, `f${at}.key`));

/** The plan that takes everything to a generation, as found now. */
export async function planTo(generation: number, etcd: Etcd | undefined, tree: string): Promise<Replacement[]> {
  const plan: Replacement[] = [];
  if (etcd !== undefined) {
    for await (const { key, value: bytes, modRevision } of etcd.list('/kubernetes.io/')) {
      plan.push({
        kind: 'changed',
        document: { in: 'etcd', key, bytes, modRevision },
        after: valueOf(generation, key),
      });
    }
  }
  for (const path of filesOf(tree))
    plan.push({
      kind: 'changed',
      document: fileDocument(path),
      after: valueOf(generation, path.slice(path.lastIndexOf('/') + 1, -4)),
    });
  return plan;
}

const peerUrlOf = (generation: number): string => `http://127.0.0.1:${20_000 + generation}`;

/** What a rename adds to such a plan: a file and a key that move, and the member's address, each bearing the generation. */
export async function movesTo(
  generation: number,
  etcd: Etcd,
  tree: string,
): Promise<{ replacements: Replacement[]; member: MemberChange }> {
  const replacements: Replacement[] = [];
  const [fresh, old] = generation % 2 === 0 ? ['even', 'odd'] : ['odd', 'even'];
  const [path, key] = [
    (name: string) => join(tree, 'd0', `node-${name}.key`),
    (name: string) => `/kubernetes.io/nodes/${name}`,
  ];
  if (existsSync(path(fresh)))
    replacements.push({ kind: 'changed', document: fileDocument(path(fresh)), after: valueOf(generation, 'node') });
  else
    replacements.push({
      kind: 'created',
      in: 'file',
      path: path(fresh),
      after: valueOf(generation, 'node'),
      like: existsSync(path(old)) ? path(old) : (filesOf(tree)[1] ?? ''),
    });
  if (existsSync(path(old))) replacements.push({ kind: 'removed', document: fileDocument(path(old)) });
  for (const name of [fresh, old]) {
    const found = await etcd.get(key(name));
    if (found !== undefined)
      replacements.push(
        name === old
          ? {
              kind: 'removed',
              document: { in: 'etcd', key: key(name), bytes: found.value, modRevision: found.modRevision },
            }
          : {
              kind: 'changed',
              document: { in: 'etcd', key: key(name), bytes: found.value, modRevision: found.modRevision },
              after: valueOf(generation, 'node'),
            },
      );
    else if (name === fresh)
      replacements.push({ kind: 'created', in: 'etcd', key: key(name), after: valueOf(generation, 'node') });
  }
  const [member] = await etcd.members();
  return {
    replacements,
    member: { id: member?.id ?? '', before: member?.peerUrls ?? [], after: [peerUrlOf(generation)] },
  };
}

export const fileDocument = (path: string): Extract<Document, { in: 'file' }> => ({
  in: 'file',
  path,
  bytes: readFileSync(path),
});

/** Everything that may not change by accident: each key's value, each file's content, mode, owner and extended attributes, every name. */
export async function stateOf(etcd: Etcd, tree: string): Promise<Record<string, string>> {
  const state: Record<string, string> = {};
  for await (const { key, value } of etcd.list('/')) state[key] = Buffer.from(value).toString('base64');
  const port = Number(/:(\d+)$/.exec((await etcd.members())[0]?.peerUrls[0] ?? '')?.[1] ?? 0);
  state['member'] = Buffer.from(
    port > 20_000 && port < 30_000 ? `generation ${port - 20_000} ` : 'its first address',
  ).toString('base64');
  for (const entry of await readdir(tree, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const { mode, uid, gid } = lstatSync(path);
    state[path] = `${entry.isFile() ? readFileSync(path, 'base64') : '-'} ${mode.toString(8)} ${uid}:${gid}`;
  }
  state['extended attributes'] = execFileSync('getfattr', ['-R', '-d', '-m', '-', '--absolute-names', tree], {
    encoding: 'utf8',
  });
  return state;
}

/** Mode, owner and all extended attributes (ACL and label among them). */
export function attributesOf(path: string): string {
  const { mode, uid, gid } = lstatSync(path);
  return `${mode.toString(8)} ${uid}:${gid} ${execFileSync('getfattr', ['-d', '-m', '-', '--absolute-names', path], { encoding: 'utf8' }).split('\n').slice(1).sort().join(' ').trim()}`;
}

/** Generations that stand in a state: one alone is a world that is not a mixture. */
export function generationsIn(state: Record<string, string>): number[] {
  const found = Object.values(state).flatMap(
    (text) => /^generation (\d+) /.exec(Buffer.from(text.split(' ')[0] ?? '', 'base64').toString())?.slice(1, 2) ?? [],
  );
  return [...new Set(found.map(Number))].sort((a, b) => a - b);
}

export const clear = (_key: string, value: Uint8Array): Uint8Array => value;

/** Commits a plan over the world. */
export async function write(
  world: World,
  input: Partial<CommitInput> & Pick<CommitInput, 'replacements'>,
  lines: string[] = [],
): Promise<Written> {
  return commit(quietHost(), { etcd: world.etcd, seal: clear, stateFolder: world.state, ...input }, (line) => {
    lines.push(line);
  });
}

/** Nothing of a run is left: no staging folder, no originals, a closed journal. */
export function assertTidy(world: World): void {
  const left = readdirSync(world.tree, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.recert-'),
  );
  assert.deepEqual([left, readdirSync(world.state)], [[], ['journal.json']]);
  assert.equal(
    (JSON.parse(readFileSync(join(world.state, 'journal.json'), 'utf8')) as { phase: string }).phase,
    'closed',
  );
}
