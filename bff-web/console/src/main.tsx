import { render } from 'preact';
import { z } from 'zod';
import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/parts.css';
import './style/pages.css';
import { takeTokenFromAddress } from './api/session.ts';
import { Console } from './console.tsx';

// Schemas are else compiled with `new Function`, which the page's policy forbids.
z.config({ jitless: true });
takeTokenFromAddress();
const place = document.getElementById('console');
if (place !== null) render(<Console />, place);
