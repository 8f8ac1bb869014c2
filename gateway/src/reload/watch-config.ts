import type { ConfigSources } from '@grapevine/shared/config/load.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import { WatchedFiles } from '@grapevine/shared/watched-files.ts';
import type { Logger } from 'pino';
import type { ConfigReload } from './config-reload.ts';

/** Reads the configuration again whenever its file has changed and nobody writes it any more. */
export async function watchConfig(config: ConfigReload, { file }: ConfigSources, log: Logger): Promise<Stoppable> {
  const what = 'configuration file';
  if (file === undefined) return { name: what, stop: async () => {} };
  const watched = await WatchedFiles.open({ what, paths: [file], parse: ([text = '']) => text, log });
  // What is refused has been logged, and is shown to operators.
  watched.onChange(() => void config.reload().catch(() => {}));
  return watched;
}
