import type { Option } from './facts.ts';
import { duration, size } from './words.ts';

/** A value as people write it. */
export function valueText({ value, unit }: Pick<Option, 'value' | 'unit'>): string {
  if (typeof value === 'number' && unit !== undefined) return unit === 'ms' ? duration(value) : size(value);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'object' ? value.join(', ') : String(value);
}
