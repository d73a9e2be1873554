import type { Dice } from './dice.mjs';

export declare const ENVELOPE: Record<string, unknown>;
export declare function createOdd(dice: Dice): {
  fromClient(id?: unknown): string;
  fromServer(id?: unknown): string;
  answerTo(method: string, id: unknown): string;
};
