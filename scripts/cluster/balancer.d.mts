export function freePort(): Promise<number>;
export function startBalancer(
  name: string,
  ports: readonly number[],
  options?: { keepAlive?: boolean; checks?: boolean },
): Promise<{ port: number; setUsed(nth: number, isUsed: boolean): Promise<void>; stop(): Promise<void> }>;
