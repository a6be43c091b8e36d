import type { Plugin } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** The small part of protobufjs that is used here; the package comes with proto-loader and has no types of its own in our tree. */
type Protobuf = {
  readonly Root: new () => {
    loadSync(file: string, options: { keepCase: boolean }): { resolveAll(): { toJSON(): unknown } };
  };
};

const load = /loadSync\)\(`\$\{__dirname\}\/\.\.\/proto\/rpc\.proto`,/g;

/**
 * etcd3 reads `proto/rpc.proto` beside itself when it is loaded, and a bundle has nothing beside itself. The descriptor is made
 * here, with the protobufjs that proto-loader itself would use, and proto-loader takes it as a value.
 */
export const etcdDescriptor: Plugin = {
  name: 'etcd-descriptor',
  setup(build) {
    build.onLoad({ filter: /[\\/]etcd3[\\/]lib[\\/]connection-pool\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      // A bundle that is built without the replacement would fail only in the field, when an etcd is opened.
      if ([...source.matchAll(load)].length !== 1)
        throw new Error(`etcd3 no longer loads its descriptor as build/etcd-descriptor.ts expects it: see "${path}"`);
      const near = createRequire(createRequire(path).resolve('@grpc/proto-loader'));
      const { Root } = near('protobufjs') as Protobuf; // the shape above is protobufjs 7's
      const descriptor = new Root()
        .loadSync(createRequire(path).resolve('etcd3/proto/rpc.proto'), { keepCase: true })
        .resolveAll()
        .toJSON();
      return { contents: source.replace(load, () => `fromJSON)(${JSON.stringify(descriptor)},`), loader: 'js' };
    });
  },
};
