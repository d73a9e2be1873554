/** Light or dark: as the system has it, until someone chooses. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'switchboard.theme';

/** A browser may refuse to keep anything; the choice then lasts as long as the page. */
export function storedTheme(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === 'light' || stored === 'dark' ? stored : 'system';
  } catch {
    return 'system';
  }
}

export function showTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  try {
    if (theme === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // See above.
  }
}
