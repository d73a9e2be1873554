export interface Dice {
  next(): number;
  below(limit: number): number;
  pick<Value>(list: readonly Value[]): Value;
  some<Value>(most: number, make: () => Value): Value[];
  mutate(bytes: Buffer): Buffer;
}
export declare function createDice(seed: number): Dice;
