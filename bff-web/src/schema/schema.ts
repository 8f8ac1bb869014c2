import { builder } from './builder.ts';
import './scalars.ts';
import './node.ts';
import './topic.ts';
import './publish.ts';
import './message-added.ts';
import './message-seen.ts';
import './cluster.ts';
import './repair.ts';

/** The whole schema; each type is in the file of its name. */
export const schema = builder.toSchema();
