import type { Call } from '../../internal/cli/program.ts';
import { withConfiguration } from './configured.ts';
import type { ConfigurationValues } from './options.ts';

/** `recert check-config`: reads the configuration and nothing else. */
export const checkConfig = (call: Call<ConfigurationValues>): Promise<number> =>
  withConfiguration(call, ({ session, config }) => {
    const told = {
      etcd: config.etcdEndpoint ?? 'none: files only',
      folders: config.crypto.dirs,
      files: config.crypto.files,
      rules: config.crypto.nameRules.length,
      dryRun: config.dryRun,
      stateFolder: config.stateFolder,
    };
    const lines = [
      'the configuration is good',
      `  etcd       ${told.etcd}`,
      `  folders    ${told.folders.join(', ') || 'none'}`,
      `  files      ${told.files.join(', ') || 'none'}`,
      `  name rules ${told.rules}`,
      `  state      ${told.stateFolder}`,
    ];
    session.print(call.json ? `${JSON.stringify({ state: 'good', ...told })}\n` : `${lines.join('\n')}\n`);
    return Promise.resolve(0);
  });
