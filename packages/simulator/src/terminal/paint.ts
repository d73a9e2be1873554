/** Colours, where there may be any; bars and sparklines. */
import { styleText } from 'node:util';

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (colour: Colour, text: string) => string;

/** @param colours whether to colour at all: not in a pipe, and not where `NO_COLOR` is set */
export const painter = (colours: boolean): Paint =>
  colours ? (colour, text) => styleText(colour, text) : (_, text) => text;

const BLOCKS = '▁▂▃▄▅▆▇█';

/** The last `width` values, from 0 to their most; a gap where nothing was measured. */
export function sparkline(values: readonly (number | undefined)[], width: number): string {
  const shown = values.slice(-width);
  const most = Math.max(...shown.filter((value) => value !== undefined), Number.MIN_VALUE);
  const block = (value: number): string => BLOCKS[Math.min(7, Math.max(0, Math.round((value / most) * 7)))]!;
  return shown.map((value) => (value === undefined ? ' ' : block(value))).join('');
}

/** @param share from 0 to 1 */
export function bar(share: number, width: number): string {
  const full = Math.round(share * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}
