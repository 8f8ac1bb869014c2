import { styleText } from 'node:util';
import type { Output } from '../context.ts';

/** Colours for `out`, or none when it is not a terminal or NO_COLOR is set. */
export function painter(out: Output) {
  type Style = Parameters<typeof styleText>[0];
  const paint =
    (style: Style) =>
    (text: string): string =>
      out.colour ? styleText(style, text, { validateStream: false }) : text;
  return { bold: paint('bold'), red: paint('red'), green: paint('green'), yellow: paint('yellow'), dim: paint('dim') };
}
export type Painter = ReturnType<typeof painter>;
