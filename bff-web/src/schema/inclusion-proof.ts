import type { SignedHeadJson } from '@grapevine/shared/contracts/node-api.ts';
import type { MessageProof } from '@grapevine/shared/contracts/proof.ts';
import { builder } from './builder.ts';

export const SignedHeadType = builder.objectRef<SignedHeadJson>('SignedHead').implement({
  description: 'An origin’s word for what its log was at one size.',
  fields: (t) => ({
    origin: t.exposeID('origin', { description: 'First 16 bytes of SHA-256 over the public key, in hex.' }),
    size: t.expose('size', { type: 'BigInt', description: 'Number of entries.' }),
    root: t.exposeString('root', { description: 'RFC 6962 root over the entries, in hex.' }),
    hlc: t.exposeString('hlc', { description: 'Hybrid clock of the last entry: 16 hexadecimal digits.' }),
    publicKey: t.exposeString('publicKey', { description: 'Ed25519, in hex.' }),
    signature: t.exposeString('signature', { description: 'Ed25519 over origin, size, root and hlc, in hex.' }),
  }),
});

export const InclusionProofType = builder.objectRef<MessageProof>('InclusionProof').implement({
  description:
    'With all fields selected this is the proof document that the verifier takes: the entry’s hash is the id, and the path leads from it to the root that the origin signed.',
  fields: (t) => ({
    id: t.exposeID('id'),
    origin: t.exposeID('origin'),
    seq: t.expose('seq', { type: 'BigInt', description: 'Index of the leaf.' }),
    treeSize: t.expose('treeSize', { type: 'BigInt', description: 'Size of the tree that the path belongs to.' }),
    path: t.exposeStringList('path', { description: 'Sibling hashes from the leaf to the root, in hex.' }),
    entry: t.exposeString('entry', {
      nullable: true,
      description: 'The message’s canonical bytes in base64; null when retention has erased them.',
    }),
    head: t.expose('head', { type: SignedHeadType }),
  }),
});
