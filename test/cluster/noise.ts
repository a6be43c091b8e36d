import type { StoredObject } from './content.ts';
import type { ObjectMaker } from './objects.ts';
import type { Seeded } from './seeded.ts';

/** What an etcd holds beside certificates: configuration texts, passwords, events. Sizes and counts as on a real single node. */
export function noise(objects: ObjectMaker, random: Seeded, times: number): StoredObject[] {
  const word = (bytes: number): string => random.bytes(bytes).toString('base64url');
  const namespace = (): string =>
    `openshift-${['apiserver', 'etcd', 'monitoring', 'machine-api', 'console', 'dns', 'ingress', 'multus'][random.number(8)] ?? ''}`;
  const block = word(6000);
  const stored: StoredObject[] = [];
  for (let index = 0; index < 370 * times; index += 1)
    stored.push({
      object: objects.configMap(`${namespace()}/config-${index}`, {
        'config.yaml': `# ${word(12)}\n${block.slice(0, 400 + random.number(7000))}\n`,
        version: word(8),
      }),
    });
  for (let index = 0; index < 160 * times; index += 1)
    stored.push({
      object: objects.secret(`${namespace()}/credentials-${index}`, { password: word(32), username: `user-${index}` }),
    });
  for (let index = 0; index < 2000 * times; index += 1)
    stored.push({
      object: objects.make(
        'Event',
        'v1',
        `${namespace()}/event-${index}.${word(6)
          .toLowerCase()
          .replace(/[^a-z0-9]/g, '0')}`,
        {},
        { annotations: { 'lab.example.com/note': block.slice(0, 300 + random.number(400)) } },
      ),
    });
  return stored;
}
