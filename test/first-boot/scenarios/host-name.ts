import type { Scenario } from '../scenario.ts';

const seedName = 'seed-node.rack-1';

export const sameHostName: Scenario = {
  name: 'same-host-name',
  says: 'the host name of the site is that of the seed, whose Node is still there',
  site: { identity: { hostname: seedName } },
};

export const hostNameOfDhcp: Scenario = {
  name: 'host-name-of-dhcp',
  says: 'the site gives no host name: that of DHCP counts',
  hostname: 'named-by-dhcp',
  site: { identity: { hostname: 'named-by-dhcp' }, manifest: { hostname: '' } },
};
