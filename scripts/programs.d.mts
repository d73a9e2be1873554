export function find(program: string): string | undefined;
