import type { JSX } from 'preact';

/** Drawn on a square of 24, with lines. */
const PATHS = {
  audit: 'M6 3.5h12v17H6zM9 8h6M9 12h6M9 16h4',
  alert: 'M12 8v5m0 3.5v.01M10.3 4 2.6 17.5A2 2 0 0 0 4.3 20.5h15.4a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0Z',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  chevron: 'm9 6 6 6-6 6',
  close: 'm6 6 12 12M18 6 6 18',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  download: 'M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 20h14',
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  external: 'M14 5h5v5m0-5-8 8M18 14v5H5V6h5',
  gauge: 'M4.5 18a9 9 0 1 1 15 0M12 13.5l4-4.5M12 14.5a1 1 0 1 0 0-2 1 1 0 0 0 0 2Z',
  key: 'M8 19a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9Zm3.2-7.7L20 4m-4 3.5 2.5 2.5',
  menu: 'M4 7h16M4 12h16M4 17h16',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z',
  more: 'M5 11.5v1M12 11.5v1M19 11.5v1M4.5 12h1M11.5 12h1M18.5 12h1',
  nodes:
    'M12 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM5.5 20.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Zm13 0a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM11 7.8l-4 8M13 7.8l4 8',
  overview: 'M4 19V11m5.3 8V5m5.4 14v-6M20 19V8',
  people:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20a6.5 6.5 0 0 1 13 0M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.4a6.5 6.5 0 0 1 3.5 5.6',
  plus: 'M12 5v14M5 12h14',
  requests: 'M4 8h13m-4-4 4 4-4 4M20 16H7m4-4-4 4 4 4',
  retry: 'M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 3v4.5H15',
  screen: 'M4 5h16v11H4zM9 20h6M12 16v4',
  send: 'M12 19V5m-6 6 6-6 6 6',
  servers: 'M4 5h16v6H4zM4 13h16v6H4zM7.5 8v.01M7.5 16v.01',
  stop: 'M7 7h10v10H7z',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4',
  tool: 'M14.5 6.5a4 4 0 0 1 5-1.2L16.7 8.1l.7 1.9 1.9.7 2.7-2.7a4.5 4.5 0 0 1-6.2 5.6L9 20.3a2 2 0 0 1-2.9 0l-.4-.4a2 2 0 0 1 0-2.9l6.8-6.7a4.5 4.5 0 0 1 2-3.8Z',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
} as const;

export type IconName = keyof typeof PATHS;

/** A picture beside or instead of words; it says nothing to a screen reader, so its button must have a label. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
