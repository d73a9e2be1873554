import { expect, it } from 'vitest';
import { traceAddress } from '../../src/pages/console/trace-link.tsx';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';

it('is the address with the id in its place, and nothing that is no web address', () => {
  expect(traceAddress('https://jaeger.example.com/trace/{traceId}', ID)).toBe(`https://jaeger.example.com/trace/${ID}`);
  expect(traceAddress('https://x.example.com/{traceId}', '"/><img>')).toBe('https://x.example.com/%22%2F%3E%3Cimg%3E');
  expect(traceAddress('javascript:alert("{traceId}")', ID)).toBeUndefined();
  expect(traceAddress(undefined, ID)).toBeUndefined();
});
