/**
 * Import direction, checked. Imports go down; within a layer only where `sameLayer` says so, with its reason.
 * The architecture page is internal/README.md.
 */
const layers = {
  cli: 6, // what all command lines share: it runs flows and gathers evidence
  steps: 5,
  recert: 4,
  gather: 4,
  seal: 3.5, // signs disks: it joins the record with the room `disk`, and knows no other domain
  disk: 3,
  ostree: 3,
  seed: 3,
  registry: 3,
  precache: 3,
  site: 3,
  network: 3,
  clock: 3,
  etcd: 3,
  cluster: 3,
  wire: 2.2, // a stored JSON object is edited by span, and JSON spans have one home: `edit`
  config: 2,
  image: 2,
  address: 1.9, // texts only: configuration documents are checked by it
  pki: 2,
  edit: 2,
  host: 1,
  log: 0.5, // `errors` lies below: log lines show failures
  errors: 0,
};

/** No room of the product: tests and what lies outside of `internal` and `cmd` may. */
const nobody = '-';

/** Third-party packages, each with the one room that may import it; zod is the schema language of every room. */
const owners = {
  execa: 'host',
  etcd3: 'etcd',
  pino: 'log',
  commander: '(cli|\\.\\./cmd)',
  'smol-toml': 'image',
  yaml: '(config|edit)',
  '@peculiar/(asn1-[^/]+|utils)': 'pki', // the schemas of what stands in a certificate
  '@peculiar/x509': nobody, // makes certificates: tests and labs. When a site's kubeconfig is made, through `pki`
  'reflect-metadata': nobody, // asked for by @peculiar/x509, and by nothing else
  'tar-stream': '(seed|gather)',
};

/** The same within `recert`: a change to how certificates are found can touch what stands above it, and nothing below. The run, recert.ts, is on top. */
const floors = {
  report: 5,
  rename: 4,
  renew: 3,
  keys: 2,
  find: 1,
  rollout: 1,
  encryption: 1,
  commit: 1,
};
const floorNames = Object.entries(floors);

const rooms = Object.entries(layers);
const test = '\\.test\\.ts$|^test/|/test-[^/]*\\.ts$';

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: [test, '^build/', '^bench/', '^cmd/main\\.ts$', '\\.js$'] },
      to: {},
    },
    { name: 'internal-knows-no-program', severity: 'error', from: { path: '^internal/' }, to: { path: '^cmd/' } },
    {
      name: 'product-knows-no-test',
      severity: 'error',
      from: { path: '^(internal|cmd)/', pathNot: test },
      to: { path: '^(test|bench|build)/' },
    },
    {
      name: 'only-host-starts-programs',
      severity: 'error',
      from: { path: '^(internal|cmd)/', pathNot: ['^internal/host/', test] },
      to: { path: '^(node:)?child_process$' },
    },
    {
      // A static import anywhere would load the schemas with the program, for `--help` as well.
      name: 'schemas-are-loaded-late',
      severity: 'error',
      from: { path: '^(internal|cmd)/', pathNot: test },
      to: { path: '^internal/pki/values\\.ts$', dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    ...rooms.map(([room, layer]) => ({
      name: `${room}-imports-downwards`,
      severity: 'error',
      from: { path: `^internal/${room}/`, pathNot: test },
      to: {
        path: `^internal/(${
          rooms
            .filter(([other, height]) => other !== room && height >= layer)
            .map(([other]) => other)
            .join('|') || '-'
        })/`,
      },
    })),
    ...floorNames.map(([floor, height]) => ({
      name: `recert-${floor}-imports-downwards`,
      severity: 'error',
      from: { path: `^internal/recert/${floor}/`, pathNot: test },
      to: {
        path: `^internal/recert/((${
          floorNames
            .filter(([other, above]) => other !== floor && above >= height)
            .map(([other]) => other)
            .join('|') || '-'
        })/|(recert|stages)\\.ts$)`,
      },
    })),
    {
      name: 'recert-ground-floor',
      severity: 'error',
      from: { path: '^internal/recert/(document|overlay)\\.ts$' },
      to: { path: '^internal/recert/([a-z]+/|(recert|stages)\\.ts$)' },
    },
    ...Object.entries(owners).map(([name, room]) => ({
      name: `${name}-has-one-room`,
      severity: 'error',
      from: {
        path: '^(internal|cmd)/',
        pathNot: [`^internal/${room}/`, ...(room.includes('cmd') ? ['^cmd/'] : []), test],
      },
      to: { path: `node_modules/${name}/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
