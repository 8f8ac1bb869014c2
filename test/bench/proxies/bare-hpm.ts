/** What people start from: http-proxy-middleware on express with connections kept, and nothing else. */
import { Agent } from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { announce, upstreamFromArguments } from './proxy-process.ts';

const app = express();
app.use(
  createProxyMiddleware({ target: upstreamFromArguments(), changeOrigin: true, agent: new Agent({ keepAlive: true }) }),
);
announce(app.listen(0, '127.0.0.1'));
