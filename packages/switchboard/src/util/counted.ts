/** How many there are, in words: `1 client`, `2 clients`. @param one what one is called; several have an `s` more */
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;
