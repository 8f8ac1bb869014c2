/** Publishes at one node and reads at another, over and over: `--pairs 10000`. */
import { parseArgs } from 'node:util';
import { temporaryFolder } from '../cluster.ts';
import { readYourWrites } from './pairs.ts';

const { values } = parseArgs({ options: { pairs: { type: 'string', default: '10000' } } });

await using folder = await temporaryFolder();
console.log(JSON.stringify(await readYourWrites(folder.path, Number(values.pairs)), null, 2));
