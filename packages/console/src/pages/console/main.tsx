import '../common/base.css';
import './frame.css';
import './parts.css';
import './tables.css';
import './charts.css';
import './tools.css';
import './views.css';
import './people.css';
import './difference.css';
import { render } from 'preact';
import { showTheme, storedTheme } from '../common/theme.ts';
import { App } from './app.tsx';
import { Page } from './page.ts';

showTheme(storedTheme());
const page = new Page();
render(<App page={page} />, document.querySelector('#page')!);
void page.start();
