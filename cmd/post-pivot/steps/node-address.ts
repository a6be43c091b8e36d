import { givenAddressesOf, machineNetworksOf } from '../../../internal/config/site-manifest.ts';
import { nodeAddressesOf } from '../../../internal/config/seed-manifest.ts';
import { findNodeAddresses, hintNodeAddresses } from '../../../internal/network/node-addresses.ts';
import { networkProblems } from '../../../internal/site/networks.ts';
import { problemsAsError } from '../../../internal/site/problem.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { isMarked } from '../marker.ts';

/** The node's own addresses are held against the seed like given ones, before anything is made of them. */
export const nodeAddress: Step<PostPivot> = {
  name: 'node-address',
  says: "Find the node's addresses",
  inputs: ({ siteDigest }) => [siteDigest],
  run: async ({ host, site, seed }, io) => {
    const machineNetworks = machineNetworksOf(site);
    await hintNodeAddresses(host, machineNetworks);
    const given = givenAddressesOf(site);
    const addresses = given.length > 0 ? given : await findNodeAddresses(host, machineNetworks, io);
    io.say(`the node is at ${addresses.join(' and ')}`);
    if (await isMarked('recert')) return;
    const error = problemsAsError(
      networkProblems(
        { addresses: nodeAddressesOf(seed), machineNetworks: seed.machine_networks },
        { addresses, machineNetworks },
      ),
    );
    if (error !== undefined) throw error;
  },
};
