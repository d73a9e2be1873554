/** What was typed into a field of a form, without the spaces around it. */
export function typed(form: EventTarget | null, name: string): string {
  const value = new FormData(form as HTMLFormElement).get(name);
  return typeof value === 'string' ? value.trim() : '';
}
