/** A TCP proxy that cuts connections after a random number of bytes, wherever in a frame that is. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Cutter {
  port: number;
  /** Where new connections go. */
  target: number;
  /** How often it has cut. */
  cuts: number;
  /** How many connections there are now. */
  readonly open: number;
  /** How many bytes a connection may carry, in both directions together; Infinity lets it live. */
  bytes(): number;
  /** Cuts everything that is open now. */
  cutAll(): void;
}

export async function startCutter(target: number, bytes: () => number): Promise<Cutter> {
  const open = new Set<() => void>();
  const server = createServer((inner: Socket) => {
    const outer = connect(cutter.target, '127.0.0.1');
    let left = cutter.bytes();
    const cut = (): void => {
      open.delete(cut);
      inner.resetAndDestroy();
      outer.resetAndDestroy();
    };
    open.add(cut);
    const pass = (from: Socket, to: Socket): void => {
      from.on('data', (chunk: Buffer) => {
        if (chunk.length < left) {
          left -= chunk.length;
          to.write(chunk);
          return;
        }
        // The part that still fits arrives, so that the cut is in the middle of something.
        to.write(chunk.subarray(0, left), () => {
          if (open.has(cut)) cutter.cuts++;
          cut();
        });
        left = 0;
      });
      from.on('error', () => {});
      from.on('close', () => {
        open.delete(cut);
        to.destroy();
      });
    };
    pass(inner, outer);
    pass(outer, inner);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
    for (const cut of open) cut();
  });
  await once(server, 'listening');
  const cutter: Cutter = {
    port: (server.address() as AddressInfo).port,
    target,
    cuts: 0,
    get open() {
      return open.size;
    },
    bytes,
    cutAll: () => {
      for (const cut of open) cut();
    },
  };
  return cutter;
}
