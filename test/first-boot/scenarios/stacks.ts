import type { Scenario } from '../scenario.ts';

export const dualStack: Scenario = {
  name: 'dual-stack',
  says: 'seed and site with two addresses, IPv4 first',
  seed: { stack: 'dual' },
};

export const ipv6: Scenario = {
  name: 'ipv6',
  says: 'seed and site with IPv6 alone',
  seed: { stack: 'v6' },
};

export const fullSize: Scenario = {
  name: 'full',
  says: 'a seed of 131 pairs',
  seed: { size: 'full' },
};
