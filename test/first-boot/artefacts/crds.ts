import { execFile } from 'node:child_process';
import { copyFile, glob } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { newEnoughGo } from '../../go.ts';
import { ensure, type Artefact, type Say } from '../../vm/artefacts/cache.ts';

const run = promisify(execFile);

/** The modules that publish the kinds of OpenShift. Their zips hold the manifests; nothing is compiled. */
const modules = {
  openshift: {
    path: 'github.com/openshift/api@v0.0.0-20260326111139-30c2ef7a272e',
    sum: 'h1:SbgwHvkc6vgiqHOfGrbumjPvtOvJmCwJoFEwr7rAKzY=',
  },
  operators: {
    path: 'github.com/operator-framework/api@v0.43.0',
    sum: 'h1:ZMXghGPe3+h9dV964eVe+iBARgcxQIOLw+I1aMRwGHg=',
  },
} as const;

/** Kinds by folder of the module. Every manifest of a kind bears the same name, so one variant of each is taken. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  'config/v1': [
    'apiservers',
    'authentications',
    'clusteroperators',
    'clusterversions',
    'dnses',
    'featuregates',
    'imagedigestmirrorsets',
    'images',
    'imagetagmirrorsets',
    'infrastructures',
    'ingresses',
    'networks',
    'nodes',
    'oauths',
    'operatorhubs',
    'proxies',
    'schedulers',
  ],
  'machineconfiguration/v1': [
    'containerruntimeconfigs',
    'controllerconfigs',
    'kubeletconfigs',
    'machineconfigpools',
    'machineconfigs',
  ],
  'operator/v1alpha1': ['imagecontentsourcepolicies'],
};

/** Manifests of custom resource definitions as OpenShift ships them, one `PLURAL.yaml` each. */
export const openshiftKinds = (say: Say): Promise<Artefact> =>
  ensure(
    {
      name: 'openshift-kinds',
      sources: [import.meta.url],
      async build(dir) {
        const go = await newEnoughGo(say);
        const [openshift, operators] = await Promise.all([
          fetched(go, modules.openshift),
          fetched(go, modules.operators),
        ]);
        for (const [folder, plurals] of Object.entries(wanted))
          for (const plural of plurals)
            await copyFile(
              await variantOf(join(openshift, folder, 'zz_generated.crd-manifests'), plural),
              join(dir, `${plural}.yaml`),
            );
        await copyFile(
          join(operators, 'crds/operators.coreos.com_catalogsources.yaml'),
          join(dir, 'catalogsources.yaml'),
        );
      },
    },
    say,
  );

/** Go checks the sum against its own cache and the checksum server; ours is checked besides, since no go.sum names these modules. */
async function fetched(go: string, { path, sum }: { path: string; sum: string }): Promise<string> {
  const { stdout } = await run(go, ['mod', 'download', '-json', path], {
    cwd: '/tmp',
    env: { ...process.env, GOFLAGS: '', GOTOOLCHAIN: 'local' },
  });
  const { Dir, Sum } = JSON.parse(stdout) as { Dir: string; Sum: string }; // what `go help mod download` promises
  if (Sum !== sum) throw new Error(`"${path}" has the sum ${Sum}, not ${sum}`);
  return Dir;
}

async function variantOf(folder: string, plural: string): Promise<string> {
  const found = await Array.fromAsync(glob(`*_${plural}{,-*}.crd.yaml`, { cwd: folder }));
  for (const suffix of ['', '-Default', '-SelfManagedHA-Default']) {
    const file = found.find((name) => basename(name, '.crd.yaml').endsWith(`_${plural}${suffix}`));
    if (file !== undefined) return join(folder, file);
  }
  throw new Error(`"${folder}" has no manifest of "${plural}"`);
}
