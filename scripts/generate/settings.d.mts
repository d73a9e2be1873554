/** The text of settings.ts, from the table of options and what its types are called. */
export function settingsOf<Type>(
  options: Readonly<Record<string, { describe: string; fallback: string | number | boolean; type: Type }>>,
  namesOf: (type: Type) => { written: string; read: string; unit?: string },
): string;
