/** What /metrics says, read by hand from the text format of Prometheus. */
import { expect } from 'vitest';

import { http } from './http.ts';

export type Samples = ReadonlyMap<string, number>;

/** One sample's name with its labels in order: `name{a="1",b="2"}`. */
export const sample = (name: string, labels: Readonly<Record<string, string>> = {}): string => {
  const pairs = Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `${name}{${pairs.join(',')}}`;
};

export function readSamples(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', labels = '', value = ''] = /^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? [];
    expect(name, line).not.toBe('');
    const pairs = [...labels.matchAll(/(\w+)=("(?:[^"\\]|\\.)*")/g)].map(([, key, text_]) => [
      key!,
      JSON.parse(text_!) as string,
    ]);
    samples.set(sample(name, Object.fromEntries(pairs) as Record<string, string>), Number(value));
  }
  return samples;
}

export async function scrape({ port }: { port: number }): Promise<Samples> {
  const { status, body } = await http(`http://127.0.0.1:${port}/metrics`, { method: 'GET' });
  expect(status).toBe(200);
  return readSamples(body);
}

/** The samples of one metric, by their labels, without those that are 0. */
export function samplesOf(samples: Samples, name: string): Record<string, number> {
  return Object.fromEntries([...samples].filter(([key, value]) => key.startsWith(`${name}{`) && value !== 0));
}
