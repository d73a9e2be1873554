/**
 * Arguments with holes: `{"text": "{{tag}} {{text 100}}"}`. Compiled once to pieces of JSON, so that a call costs one join.
 * A string that is nothing but one numeric hole becomes a number: `"{{call}}"` is 17, `"no. {{call}}"` is "no. 17".
 */
import { randomUUID } from 'node:crypto';

import { SimulatorError } from './errors.ts';
import type { Random } from './random.ts';

/** What the holes are filled from. */
export interface Filling {
  correlationId: string;
  client: number;
  call: number;
  random: Random;
}

export interface Template {
  /** Whether it has a `{{tag}}`, so that answers can be told apart. */
  readonly correlated: boolean;
  /** @returns JSON text */
  render(filling: Filling): string;
}

interface Hole {
  /** Whether it is the correlation id. */
  correlates?: boolean;
  numeric: boolean;
  fill(filling: Filling): string;
}

const HOLES: Readonly<Record<string, (words: readonly string[]) => Hole>> = {
  tag: () => ({ correlates: true, numeric: false, fill: ({ correlationId }) => correlationId }),
  client: () => ({ numeric: true, fill: ({ client }) => String(client) }),
  call: () => ({ numeric: true, fill: ({ call }) => String(call) }),
  now: () => ({ numeric: true, fill: () => String(Date.now()) }),
  uuid: () => ({ numeric: false, fill: () => randomUUID() }),
  random: ([low = '0', high = '100']) => {
    const [from, to] = [Number(low), Number(high)];
    return { numeric: true, fill: ({ random }) => String(from + Math.floor(random() * (to - from + 1))) };
  },
  pick: (words) => ({ numeric: false, fill: ({ random }) => words[Math.floor(random() * words.length)] ?? '' }),
  text: ([size = '100']) => {
    const filler = 'x'.repeat(Math.min(Number(size) || 0, 64 * 1024 * 1024));
    return { numeric: false, fill: () => filler };
  },
};

/** The names of the holes, for messages and the reference page. */
export const HOLE_NAMES: readonly string[] = Object.keys(HOLES);

// Marks a hole inside the JSON text; no JSON text has these characters unescaped.
const [OPEN, CLOSE] = ['\u0001', '\u0002'];

/** @throws {SimulatorError} `SIM_SCENARIO` when a hole has an unknown name. */
export function compileTemplate(value: unknown): Template {
  const holes: Hole[] = [];
  const marked = JSON.stringify(value, (_key, each: unknown) => (typeof each === 'string' ? mark(each, holes) : each));
  const pieces = (marked ?? 'null')
    .replaceAll(new RegExp(`"\\\\u0001(\\d+)\\\\u0002"`, 'g'), (whole, index: string) =>
      holes[Number(index)]!.numeric ? `${OPEN}${index}${CLOSE}` : whole,
    )
    .replaceAll('\\u0001', OPEN)
    .replaceAll('\\u0002', CLOSE)
    .split(OPEN);
  const [head = '', ...rest] = pieces;
  const parts = rest.map((piece) => {
    const [index = '', literal = ''] = piece.split(CLOSE);
    return { hole: holes[Number(index)]!, literal };
  });
  return {
    correlated: holes.some(({ correlates }) => correlates === true),
    render(filling) {
      let text = head;
      for (const { hole, literal } of parts) text += escape(hole.fill(filling)) + literal;
      return text;
    },
  };
}

function mark(text: string, holes: Hole[]): string {
  return text.replaceAll(/\{\{\s*([^{}]*?)\s*\}\}/g, (whole, inside: string) => {
    const [name = '', ...words] = inside.split(/\s+/);
    const make = Object.hasOwn(HOLES, name) ? HOLES[name] : undefined;
    if (make === undefined) {
      throw new SimulatorError('SIM_SCENARIO', `${whole} is no hole; there are ${HOLE_NAMES.join(', ')}`);
    }
    holes.push(make(words));
    return `${OPEN}${holes.length - 1}${CLOSE}`;
  });
}

/** Most fillings have nothing to escape, and looking is cheaper than escaping. */
const escape = (text: string): string => (/["\\]/.test(text) ? JSON.stringify(text).slice(1, -1) : text);
