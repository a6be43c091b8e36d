import { openEtcd } from '../../etcd/etcd.ts';
import { commit } from './commit.ts';
import { repair } from './repair.ts';
import { movesTo, planTo, quietHost } from './test-world.ts';

/** One run in a process of its own, to be killed: `node test-run.ts ENDPOINT TREE STATE GENERATION`. Prints a line before it begins. */
const [endpoint = '', tree = '', state = '', generation = ''] = process.argv.slice(2);
await using etcd = await openEtcd(endpoint);
const host = quietHost();
process.stdout.write('begins\n');
await repair(host, etcd, state, () => undefined);
const plan = await planTo(Number(generation), etcd, tree);
const { replacements, member } = await movesTo(Number(generation), etcd, tree);
await commit(
  host,
  {
    etcd,
    replacements: [
      ...plan.filter(
        (one) => one.kind !== 'changed' || one.document.in !== 'etcd' || !one.document.key.includes('/nodes/'),
      ),
      ...replacements,
    ],
    member,
    seal: (_key, clear) => clear,
    stateFolder: state,
  },
  () => undefined,
);
process.stdout.write('ended\n');
