import type { Scenario } from '../scenario.ts';
import { refusedThenNetwork } from './static-network-story.ts';

const address = '203.0.113.7';
const nmstate = `interfaces:
- name: ens3
  type: ethernet
  state: up
  ipv4:
    enabled: true
    dhcp: false
    address:
    - ip: ${address}
      prefix-length: 24
routes:
  config:
  - destination: 0.0.0.0/0
    next-hop-address: 203.0.113.1
    next-hop-interface: ens3
`;
const site = {
  identity: { ips: [address], machineNetworks: ['203.0.113.0/24'] },
  manifest: { raw_nm_state_config: nmstate },
} as const;
const lease = { addresses: [], gateways: [] };

export const staticNetwork: Scenario = {
  name: 'static-network',
  says: 'no DHCP: the address comes from the site by nmstate',
  site,
  lease,
};

export const nmstateFails: Scenario = {
  name: 'nmstate-fails',
  says: 'nmstatectl fails, and a medium that is put in anew is tried again',
  site,
  lease,
  story: refusedThenNetwork,
};
