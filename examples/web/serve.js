/**
 * Serves the page as it is, without a build: files of this folder, the verifier with its types taken out, and the libraries that both
 * use. The page calls the gateway, which has to allow it (`gateway.cors.origins`).
 *
 *   GRAPEVINE_GATEWAY__CORS='{origins: ["http://127.0.0.1:5180"]}' npm start
 *   PORT=5180 node_modules/.bin/node examples/web/serve.js
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import { extname, join, normalize } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.ts': 'text/javascript' };
/** What may be read: by the beginning of the address, a folder. */
const folders = {
  '/modules/zod/': 'node_modules/zod/',
  '/modules/graphql-sse/': 'node_modules/graphql-sse/',
  '/modules/@noble/': 'node_modules/@noble/',
  '/shared/src/': 'shared/src/',
  '/': 'examples/web/',
};

const server = createServer(async (request, response) => {
  try {
    const file = fileOf(new URL(request.url ?? '/', 'http://page').pathname);
    const text = await readFile(file, 'utf8');
    const type = types[/** @type {keyof typeof types} */ (extname(file))];
    response.setHeader('content-type', `${type}; charset=utf-8`);
    response.end(file.endsWith('.ts') ? stripTypeScriptTypes(text) : text);
  } catch {
    response.writeHead(404).end();
  }
});
server.on('error', ({ message }) => {
  console.error(`${message}: choose another one with PORT=…`);
  process.exitCode = 1;
});
server.listen(Number(process.env['PORT'] ?? 5180), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`http://127.0.0.1:${port}/#gateway=http://127.0.0.1:8080&topic=hello&token=`);
});

/** @param {string} path */
function fileOf(path) {
  const clean = normalize(path === '/' ? '/index.html' : path);
  const [prefix, folder] = Object.entries(folders).find(([start]) => clean.startsWith(start)) ?? ['', ''];
  const file = join(root, folder, clean.slice(prefix.length));
  if (!(extname(file) in types)) throw new Error(`There is nothing at ${path}.`);
  return file;
}
