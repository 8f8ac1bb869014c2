import type { Logger } from 'pino';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { WatchedFiles } from '../watched-files.ts';
import { distinctPeers, type PeerAddress, parsePeerAddress, samePeers } from './peer-address.ts';
import type { PeerRegistry, PeersListener } from './peer-registry.ts';

export interface FileRegistryOptions {
  readonly path: string;
  readonly log: Logger;
  /** Milliseconds between two looks at the file; a second when absent. */
  readonly pollMs?: number;
}

/** Peers in a file that is watched: one `host:port` a line; blank lines and what follows a `#` count for nothing. */
export class FileRegistry implements PeerRegistry {
  readonly name = 'file registry';
  readonly #file: WatchedFiles<readonly PeerAddress[]>;

  private constructor(file: WatchedFiles<readonly PeerAddress[]>) {
    this.#file = file;
  }

  /** Throws `CONFIG_INVALID` when the file cannot be read or used. */
  static async open({ path, ...options }: FileRegistryOptions): Promise<FileRegistry> {
    const parse = ([text = '']: readonly string[]): readonly PeerAddress[] => parsePeerList(text, path);
    return new FileRegistry(await WatchedFiles.open({ what: 'peer file', paths: [path], parse, ...options }));
  }

  peers(): readonly PeerAddress[] {
    return this.#file.value;
  }

  onChange(listener: PeersListener): () => void {
    let last = this.peers();
    return this.#file.onChange((peers) => {
      // A changed comment is no news.
      if (!samePeers(peers, last)) listener(peers);
      last = peers;
    });
  }

  stop(): Promise<void> {
    return this.#file.stop();
  }
}

/** Throws `CONFIG_INVALID` with the line. A file that is empty or ends within a line is half of one: the rest may be missing. */
function parsePeerList(text: string, path: string): readonly PeerAddress[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') {
    throw new GrapevineError('CONFIG_INVALID', `${path}: expected a line break at its end, or else it may be cut off.`);
  }
  const peers = lines.flatMap((line, index) => {
    const entry = line.replace(/#.*$/, '').trim();
    return entry === '' ? [] : [parsePeerAddress(entry, `${path}:${index + 1}`)];
  });
  if (peers.length === 0) throw new GrapevineError('CONFIG_INVALID', `${path}: found no peers, expected at least one.`);
  return distinctPeers(peers, path);
}
