/** The project's own rules, each with a message that names the replacement. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { root } from './runner/test-files.ts';
import { checkDeadFiles, checkFileNames, checkFileSizes } from './tidy/files.ts';
import { checkCores, checkLayering, checkProcessUse } from './tidy/layering.ts';
import { checkDependencies, checkVersions } from './tidy/packages.ts';
import { makeSourceTree, readSourceTree, type SourceTree } from './tidy/source-tree.ts';
import { checkText } from './tidy/text.ts';

const project = readSourceTree(root);

/** Each rule with files that break it, and where it must say so. */
const rules: readonly {
  readonly name: string;
  readonly check: (tree: SourceTree) => string[];
  readonly broken: Readonly<Record<string, string>>;
  readonly found: readonly RegExp[];
}[] = [
  {
    name: 'services import shared, never each other',
    check: checkLayering,
    broken: {
      'gateway/src/a.ts': "import { x } from '@grapevine/bff-web/server.ts';",
      'shared/src/b.ts': "\nimport type { Y } from '../../gateway/src/a.ts';",
      'gateway/src/good.ts': "import { z } from '@grapevine/shared/b.ts';",
    },
    found: [/^gateway\/src\/a\.ts:1: gateway must not import/, /^shared\/src\/b\.ts:2: shared must not import/],
  },
  {
    name: 'cores have no I/O, clock, chance or timers',
    check: checkCores,
    broken: {
      'cluster-node/src/core/clock.ts': '// Date.now() is fine here\nconst now = Date.now();',
      'cluster-node/src/core/timer.ts': 'setTimeout(f, 1);',
      'cluster-node/src/wire/keys.ts':
        "import { hkdfSync } from 'node:crypto';\nimport { readFileSync } from 'node:fs';",
      'shared/src/merkle/tree.ts': "import { hash } from '../hash.ts';\nimport type { Socket } from 'node:net';",
      'shared/src/hash.ts': "import { hash } from 'node:crypto';",
      'shared/src/log/id.ts': 'const id = Math.random();',
    },
    found: [
      /^cluster-node\/src\/core\/clock\.ts:2: Date\.now .*Clock port/,
      /timer\.ts:1: setTimeout/,
      /keys\.ts:2: node:fs/,
      /tree\.ts:1: node:crypto \(through \.\.\/hash\.ts\)/,
      /id\.ts:1: Math\.random .*Random port/,
    ],
  },
  {
    name: 'only main.ts files touch process',
    check: checkProcessUse,
    broken: { 'gateway/src/server.ts': 'const port = process.env.PORT;', 'gateway/src/main.ts': 'run(process.argv);' },
    found: [/^gateway\/src\/server\.ts:1: process\.env outside main\.ts/],
  },
  {
    name: 'file names say what is inside',
    check: checkFileNames,
    broken: {
      'shared/src/utils.ts': '',
      'gateway/src/index.ts': '',
      'bff-web/src/topic-helpers.ts': '',
      'shared/src/clock.ts': '',
    },
    found: [/utils\.ts/, /index\.ts/, /topic-helpers\.ts/],
  },
  {
    name: 'files stay short',
    check: checkFileSizes,
    broken: {
      'shared/src/long.ts': '\n'.repeat(400),
      'shared/src/reason.ts': `// Long because: one table of codes.${'\n'.repeat(400)}`,
    },
    found: [/^shared\/src\/long\.ts: 401 lines/],
  },
  {
    name: 'no file is dead',
    check: checkDeadFiles,
    broken: {
      'shared/src/used.ts': '',
      'shared/src/only-tested.ts': '',
      'shared/src/started-main.ts': '',
      'shared/src/only-tested.test.ts': "import './only-tested.ts';",
      'gateway/src/main.ts': "import '@grapevine/shared/used.ts';\nspawn('shared/src/started-main.ts');",
    },
    found: [/^shared\/src\/only-tested\.ts: nothing uses it/],
  },
  {
    name: 'nothing is left undone, skipped or bound to one machine',
    check: checkText,
    broken: {
      'a.ts': "test.only('x');",
      'b.ts': "test('x', { skip: true }, f);",
      'c.md': 'TODO: write this',
      'd.md': 'see /home/ada/grapevine/x',
      'e.json': '"https://registry.example.org/x.tgz"',
    },
    found: [/^a\.ts:1/, /^b\.ts:1/, /^c\.md:1/, /^d\.md:1/, /^e\.json:1/],
  },
  {
    name: 'versions are exact',
    check: checkVersions,
    broken: { 'package.json': '{"devDependencies": {"x": "^1.0.0", "y": "1.0.0"}}' },
    found: [/^package\.json: x is "\^1\.0\.0"/],
  },
  {
    name: 'dependencies are declared where they are used',
    check: checkDependencies,
    broken: {
      'gateway/package.json': '{"dependencies": {"jose": "6.0.0", "express": "5.0.0"}}',
      'gateway/src/a.ts':
        "import express from 'express';\nimport { z } from 'zod/v4';\nimport { createServer } from 'node:http';",
    },
    found: [/^gateway\/src\/a\.ts:2: zod is not in gateway\/package\.json/, /nothing in gateway imports jose/],
  },
];

for (const { name, check, broken, found } of rules) {
  describe(name, () => {
    test('holds', () => {
      const problems = check(project);
      assert.equal(problems.length, 0, `\n${problems.join('\n')}`);
    });
    test('is noticed when it is broken', () => {
      const problems = check(makeSourceTree(broken));
      assert.equal(problems.length, found.length, problems.join('\n'));
      for (const [i, pattern] of found.entries()) assert.match(problems[i] ?? '', pattern);
    });
  });
}
