import { readFileSync } from 'node:fs';
import type { FlowProgram } from '../../internal/cli/flow-program.ts';
import { parseSiteManifest, secretsOf } from '../../internal/config/site-manifest.ts';
import { commandEvidence, fileEvidence } from '../../internal/gather/host-evidence.ts';
import type { Host } from '../../internal/host/host.ts';
import { nodeAddressFiles } from '../../internal/network/node-addresses.ts';
import { PostPivot } from './context.ts';
import { ifFinished } from './finished.ts';
import { flow } from './flow.ts';
import type { LookValues, RunValues } from './options.ts';
import { pauseAfter } from './pause.ts';
import { places } from './places.ts';

/** `post-pivot` as the shared command line needs it. */
export const reconfiguration: FlowProgram<PostPivot, RunValues, LookValues> = {
  flow,
  folders: { run: places.runFolder, state: places.stateFolder },
  context: ({ host }, { values }, runs) =>
    new PostPivot(host, {
      ...(values.configDir === undefined ? {} : { configDir: values.configDir }),
      pauseMs: host.env['INVOCATION_ID'] === undefined ? 0 : pauseAfter(runs()),
    }),
  stopping: 'no new step begins; podman, and the writing of the identity, may finish first',
  through: ({ inContainer }) => (inContainer ? enterHost : []),
  nothingToDo: ({ host }) => ifFinished(host),
  again: () => '',
  result: ({ site }) => `this host is cluster "${site.cluster_name}.${site.base_domain}"`,
  leaves: (_pivot, heading) => {
    if (heading.startsWith('Let')) return 'nothing but access to this host was changed';
    if (heading.startsWith('Make the host'))
      return 'the host may be named and connected already; the cluster is as in the seed';
    if (heading.startsWith('Make the identity'))
      return 'the cluster has its new identity as a whole, or its old one; it does not run';
    return 'the cluster has its identity and runs; the next run continues';
  },
  evidence: ({ host }) => {
    concealSite(host);
    return [
      fileEvidence('site-record.json', `${places.stateFolder}/site.json`),
      fileEvidence('finished.json', `${places.stateFolder}/finished.json`),
      fileEvidence('seed-manifest.json', places.seedManifest),
      fileEvidence('nodeip-configuration', nodeAddressFiles.hint),
      fileEvidence('20-nodenet.conf', nodeAddressFiles.dropIn),
      fileEvidence('primary-ip', nodeAddressFiles.primary),
      commandEvidence(host, 'block-devices.txt', 'lsblk', ['--fs']),
      commandEvidence(host, 'working-folder.txt', 'find', [places.site.work, '-ls']),
      commandEvidence(host, 'containers.txt', 'podman', ['ps', '--all']),
      commandEvidence(host, 'pods.txt', 'crictl', ['ps', '--all']),
      commandEvidence(host, 'cluster-units.txt', 'systemctl', [
        'show',
        '--no-pager',
        '--property',
        unitFacts,
        ...units,
      ]),
    ];
  },
  secretFiles: [places.pullSecret],
};

/** From a container that shares the host's folders: its programs run in the host's own namespaces. */
const enterHost = ['nsenter', '--target', '1', '--cgroup', '--mount', '--ipc', '--uts', '--net', '--pid', '--'];

const units = ['kubelet', 'crio', 'dnsmasq', 'NetworkManager', 'nodeip-configuration', 'chronyd', places.unit];
const unitFacts = 'Id,ActiveState,SubState,Result,ExecMainStatus,UnitFileState,StateChangeTimestamp';

/** Programs of the host may have printed what is secret in the site manifest, which itself stays out of the bundle. */
function concealSite(host: Host): void {
  try {
    for (const secret of secretsOf(parseSiteManifest(readFileSync(places.site.manifest, 'utf8'), '').site))
      host.log.conceal(secret);
  } catch {
    host.log.debug('the site manifest cannot be read');
  }
}
