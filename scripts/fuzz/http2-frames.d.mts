export const TYPE: Readonly<
  Record<'data' | 'headers' | 'reset' | 'settings' | 'ping' | 'goAway' | 'window' | 'continuation', number>
>;
export const END_STREAM: number;
export const END_HEADERS: number;
export const PREFACE: Buffer;
export function frameOf(type: number, flags: number, stream: number, payload?: Buffer): Buffer;
export function blockOf(fields: readonly (readonly [string, string])[]): Buffer;
