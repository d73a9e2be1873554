/**
 * Whether a key belongs to an input method that composes text. Safari ends the composition before it tells of the key that ended it;
 * that key then has the code 229, which says the same.
 */
export const isComposing = (event: KeyboardEvent): boolean => event.isComposing || event.keyCode === 229;
