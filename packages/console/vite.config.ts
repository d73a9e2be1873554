import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const inPages = (name: string): string => fileURLToPath(new URL(`src/pages/${name}`, import.meta.url));

export default defineConfig({
  root: inPages(''),
  // A page names its files relative to itself, so that a reverse proxy may put it under any path.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('dist/pages', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    // The policy of the pages allows no inline file but an image, and old browsers are not served.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { chat: inPages('chat.html'), console: inPages('console.html') } },
  },
});
