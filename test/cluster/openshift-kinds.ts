import { execFile } from 'node:child_process';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensure, type Artefact, type Say } from '../vm/artefacts/cache.ts';
import { newEnoughGo } from '../go.ts';

const run = promisify(execFile);

/** The two Go modules that hold OpenShift's own definitions, pinned by their sums. Nothing of them is compiled. */
const modules = {
  openshift: {
    name: 'github.com/openshift/api',
    version: 'v0.0.0-20260326111139-30c2ef7a272e',
    sum: 'h1:SbgwHvkc6vgiqHOfGrbumjPvtOvJmCwJoFEwr7rAKzY=',
  },
  olm: {
    name: 'github.com/operator-framework/api',
    version: 'v0.43.0',
    sum: 'h1:ZMXghGPe3+h9dV964eVe+iBARgcxQIOLw+I1aMRwGHg=',
  },
} as const;

/** Of each kind the variant of an ordinary cluster. */
const definitions = {
  clusterversions:
    'openshift/config/v1/zz_generated.crd-manifests/0000_00_cluster-version-operator_01_clusterversions-Default.crd.yaml',
  clusteroperators:
    'openshift/config/v1/zz_generated.crd-manifests/0000_00_cluster-version-operator_01_clusteroperators.crd.yaml',
  imagedigestmirrorsets:
    'openshift/config/v1/zz_generated.crd-manifests/0000_10_config-operator_01_imagedigestmirrorsets.crd.yaml',
  imagecontentsourcepolicies:
    'openshift/operator/v1alpha1/zz_generated.crd-manifests/0000_10_config-operator_01_imagecontentsourcepolicies.crd.yaml',
  machineconfigs:
    'openshift/machineconfiguration/v1/zz_generated.crd-manifests/0000_80_machine-config_01_machineconfigs.crd.yaml',
  catalogsources: 'olm/crds/operators.coreos.com_catalogsources.yaml',
} as const;

export type OpenshiftKind = keyof typeof definitions;
export const openshiftKinds = Object.keys(definitions) as OpenshiftKind[]; // keys of the literal above

/** The real CustomResourceDefinition of a kind, as YAML. */
export async function definitionOf(kind: OpenshiftKind, say: Say = () => undefined): Promise<string> {
  return readFile((await fetched(say)).path(`${kind}.yaml`), 'utf8');
}

const fetched = (say: Say): Promise<Artefact> =>
  ensure(
    {
      name: 'openshift-kinds',
      sources: [],
      inputs: { modules, definitions },
      async build(dir) {
        const go = await newEnoughGo(say);
        for (const [short, { name, version, sum }] of Object.entries(modules)) {
          say(`fetching the Go module ${name}`);
          const { stdout } = await run(go, ['mod', 'download', '-json', `${name}@${version}`], {
            cwd: dir,
            env: { ...process.env, GOFLAGS: '', GOTOOLCHAIN: 'local' },
          });
          const { Dir, Sum } = JSON.parse(stdout) as { Dir: string; Sum: string }; // what `go help mod download` promises
          if (Sum !== sum) throw new Error(`${name} ${version} has the sum ${Sum}, not ${sum}`);
          for (const [kind, path] of Object.entries(definitions))
            if (path.startsWith(`${short}/`))
              await cp(join(Dir, path.slice(short.length + 1)), join(dir, `${kind}.yaml`));
        }
      },
    },
    say,
  );
