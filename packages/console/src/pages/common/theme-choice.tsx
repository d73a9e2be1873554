import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';
import { showTheme, storedTheme, type Theme } from './theme.ts';

const THEMES: readonly { readonly theme: Theme; readonly icon: IconName; readonly label: string }[] = [
  { theme: 'system', icon: 'screen', label: 'As the system' },
  { theme: 'light', icon: 'sun', label: 'Light' },
  { theme: 'dark', icon: 'moon', label: 'Dark' },
];

export function ThemeChoice(): JSX.Element {
  const [chosen, choose] = useState(storedTheme);
  return (
    <div class="theme-choice" role="radiogroup" aria-label="Colours">
      {THEMES.map(({ theme, icon, label }) => (
        <label key={theme} title={label}>
          <input
            type="radio"
            name="theme"
            aria-label={label}
            checked={chosen === theme}
            onChange={() => {
              choose(theme);
              showTheme(theme);
            }}
          />
          <Icon name={icon} />
        </label>
      ))}
    </div>
  );
}
