/** `node test/docs/main.ts`: writes the pages of docs/ that are printed from code. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../runner/test-files.ts';
import { errorsPage } from './errors-page.ts';

writeFileSync(join(root, 'docs/errors.md'), errorsPage());
