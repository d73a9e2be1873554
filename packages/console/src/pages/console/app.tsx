import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Boundary } from '../common/boundary.tsx';
import { Icon, type IconName } from '../common/icon.tsx';
import mark from '../common/mark.svg';
import { ThemeChoice } from '../common/theme-choice.tsx';
import { Actions } from './actions.tsx';
import { Audit } from './audit.tsx';
import { Configuration } from './configuration.tsx';
import { Keys } from './keys.tsx';
import { lazyView } from './lazy-view.tsx';
import { Link } from './link.tsx';
import { LiveMark } from './live-mark.tsx';
import { Nodes } from './nodes.tsx';
import { Overview, overviewTopics } from './overview.tsx';
import type { Page } from './page.ts';
import { People } from './people.tsx';
import { TITLES, viewsFor, type View } from './place.ts';
import { Requests } from './requests.tsx';
import { Servers, shownServer } from './servers.tsx';
import { usageTopicOf } from './server-usage.tsx';
import { Sessions, sessionsTopics } from './sessions.tsx';
import { shownRun } from './simulation.ts';
import { Reaching, SignIn } from './sign-in.tsx';
import { TARGET_TOPICS } from './targets.ts';
import { Tools } from './tools.tsx';
import { count } from './words.ts';

interface ViewFacts {
  readonly icon: IconName;
  readonly topics: (page: Page) => readonly string[];
  readonly Content: (props: { readonly page: Page }) => JSX.Element;
}

/** What each view is told of, and draws. */
const VIEW_FACTS: Readonly<Record<View, ViewFacts>> = {
  overview: {
    icon: 'overview',
    topics: overviewTopics,
    Content: Overview,
  },
  sessions: { icon: 'people', topics: sessionsTopics, Content: Sessions },
  requests: { icon: 'requests', topics: () => ['requests', 'recent'], Content: Requests },
  servers: {
    icon: 'servers',
    topics: (page) => {
      const shown = shownServer(page);
      const own = shown === undefined ? [] : [`stderr:${shown.name}`, usageTopicOf(page, shown)];
      return ['upstreams', 'load', 'changes', ...own];
    },
    Content: Servers,
  },
  tools: { icon: 'tool', topics: () => ['people', 'recent', 'changes'], Content: Tools },
  people: { icon: 'key', topics: () => ['people', 'lockouts', 'changes'], Content: People },
  audit: { icon: 'audit', topics: () => [], Content: Audit },
  nodes: { icon: 'nodes', topics: () => [], Content: Nodes },
  configuration: { icon: 'edit', topics: () => ['changes'], Content: Configuration },
  simulate: {
    icon: 'gauge',
    topics: (page) => {
      const shown = shownRun(page);
      return ['simulations', 'changes', ...(shown?.state === 'running' ? [`simulation:${shown.id}`] : [])];
    },
    Content: lazyView(async () => (await import('./simulate.tsx')).Simulate),
  },
};

/** Draws at most once in a frame however much comes, and once a second, as times pass. */
function usePage(page: Page): void {
  const [, draw] = useState(0);
  useEffect(() => {
    let due = false;
    const show = (): void => {
      due = false;
      draw((drawn) => drawn + 1);
    };
    const soon = (): void => {
      if (due) return;
      due = true;
      if (document.visibilityState === 'visible') requestAnimationFrame(show);
      else setTimeout(show, 250);
    };
    soon();
    const clock = setInterval(() => {
      if (document.visibilityState === 'visible') soon();
    }, 1000);
    const unsubscribe = page.subscribe(soon);
    return () => {
      clearInterval(clock);
      unsubscribe();
    };
  }, [page]);
}

function countOf(view: View, page: Page): string {
  const status = page.live?.state.status;
  if (status === undefined) return '';
  if (view === 'sessions') return count(status.clients);
  return view === 'requests' ? count(status.requests) : '';
}

function Navigation({ page }: { readonly page: Page }): JSX.Element {
  const { place, me } = page;
  const problems = page.live?.state.health?.problems ?? [];
  return (
    <nav class="nav" aria-label="Views">
      <a class="brand" href="./">
        <img class="mark" src={mark} alt="" />
        Switchboard
      </a>
      <ul>
        {viewsFor(page.mayAudit).map((view) => (
          <li key={view} class={view}>
            <Link page={page} view={view} current={place.view === view}>
              <Icon name={VIEW_FACTS[view].icon} />
              <span>{TITLES[view]}</span>
              {view === 'overview' && problems.length > 0 ? (
                <span class="badge bad" title={`${problems.length} to look at`}>
                  {problems.length}
                </span>
              ) : (
                <span class="badge">{countOf(view, page)}</span>
              )}
            </Link>
          </li>
        ))}
        <li class="others">
          <button type="button" class="quiet" onClick={() => page.openPalette()}>
            <Icon name="menu" />
            <span>More</span>
          </button>
        </li>
      </ul>
      <div class="who">
        <p>
          <strong>{me?.name}</strong>
          <span class="hint">{me?.role}</span>
        </p>
        <ThemeChoice />
        <button type="button" class="quiet wide" onClick={() => void page.signOut()}>
          Sign out
        </button>
      </div>
    </nav>
  );
}

/** In a cluster: whose sessions, requests and servers the page shows. */
function OwnNode({ page }: { readonly page: Page }): JSX.Element | null {
  const nodes = page.live?.state.status?.nodes;
  const own = nodes?.find(({ self }) => self);
  if (own === undefined) return null;
  return (
    <Link page={page} view="nodes" class="own-node">
      of node {own.name}
    </Link>
  );
}

function Notices({ page }: { readonly page: Page }): JSX.Element {
  return (
    <div class="notices" role="status" aria-live="polite">
      {page.notices.map(({ key, tone, text }) => (
        <p key={key} class={`notice ${tone}`}>
          <Icon name={tone === 'good' ? 'check' : 'alert'} />
          <span>{text}</span>
          <button type="button" class="quiet" aria-label="Close" onClick={() => page.close(key)}>
            <Icon name="close" />
          </button>
        </p>
      ))}
    </div>
  );
}

export function App({ page }: { readonly page: Page }): JSX.Element {
  usePage(page);
  const { place, live, me, reached } = page;
  const facts = place.view === 'unknown' ? undefined : VIEW_FACTS[place.view];
  const title = place.view === 'unknown' ? 'Not found' : TITLES[place.view];
  useEffect(() => {
    const problems = live?.state.health?.problems.length ?? 0;
    document.title = `${problems > 0 ? `(${problems}) ` : ''}${title} · Switchboard`;
  });
  const searched = page.isPaletteOpen ? TARGET_TOPICS : [];
  useEffect(() =>
    live?.follow([...new Set(['status', 'health', 'upstreams', ...(facts?.topics(page) ?? []), ...searched])]),
  );
  if (!reached) return <Reaching />;
  if (me === undefined || live === undefined) return <SignIn page={page} />;
  return (
    // Nobody gets to see what another was shown who was signed in here before.
    <div class="console" key={me.csrfToken}>
      <Navigation page={page} />
      <main class="main" id="content">
        <header class="bar">
          <h1>{title}</h1>
          <LiveMark live={live} />
          <OwnNode page={page} />
          <Actions page={page} />
        </header>
        {facts === undefined ? (
          <p class="empty">
            There is no such view.{' '}
            <Link page={page} view="overview">
              Go to the overview
            </Link>
          </p>
        ) : (
          <Boundary
            key={place.view}
            what={`The view ${title}`}
            of={JSON.stringify(place.params)}
            onGoOn={() => page.go(place.view as View)}
          >
            <facts.Content page={page} />
          </Boundary>
        )}
      </main>
      <Keys page={page} />
      <Notices page={page} />
    </div>
  );
}
