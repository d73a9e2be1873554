import '../common/base.css';
import '../common/prose.css';
import './sidebar.css';
import './timeline.css';
import './turn.css';
import './asks.css';
import './composer.css';
import './sign-in.css';
// Last: on a phone it overrules the others.
import './chat.css';
import { render } from 'preact';
import { showTheme, storedTheme } from '../common/theme.ts';
import { App } from './app.tsx';
import { Conversations } from './conversations.ts';
import type { Export } from './wire.ts';

/** The chat is where its page is. */
function socketUrl(): string {
  const url = new URL(location.pathname, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** A file, without asking a server for it. */
function download({ filename, content, format }: Export): void {
  const type = format === 'json' ? 'application/json' : 'text/markdown';
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = Object.assign(document.createElement('a'), { href: url, download: filename });
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

showTheme(storedTheme());
const conversations = new Conversations({
  url: socketUrl(),
  storage: localStorage,
  tab: sessionStorage,
  onExport: download,
});
window.addEventListener('pagehide', conversations.flush);
window.addEventListener('storage', () => conversations.reread());
window.addEventListener('online', () => conversations.retry());
render(<App conversations={conversations} />, document.querySelector('#page')!);
