import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Menu } from '../common/menu.tsx';
import { Ask } from './ask.tsx';
import type { Upstream } from './facts.ts';
import type { Page } from './page.ts';
import { counted, duration } from './words.ts';

interface CheckAnswer {
  readonly era: string;
  readonly version: string;
  readonly server?: { readonly name?: string; readonly version?: string };
  readonly tools?: number;
  readonly prompts?: number;
  readonly resources?: number;
  readonly ms: number;
}

const describeCheck = ({ era, version, server, tools, prompts, resources, ms }: CheckAnswer): string => {
  const counts = Object.entries({ tool: tools, prompt: prompts, resource: resources });
  const has = counts.flatMap(([kind, value]) => (value === undefined ? [] : [counted(value, kind)]));
  const named = server?.name === undefined ? '' : `${[server.name, server.version].filter(Boolean).join(' ')}, `;
  return `It is well: ${named}${era} ${version}, ${has.join(', ') || 'lists nothing'}, in ${duration(ms)}.`;
};

type Doing = 'restart' | 'drain' | 'disable';

/** What an operator does with a server. */
export function ServerActions({ page, upstream }: { readonly page: Page; readonly upstream: Upstream }): JSX.Element {
  const { name, isolation, state, members } = upstream;
  const [doing, setDoing] = useState<Doing>();
  const [checking, setChecking] = useState(false);
  const close = (): void => setDoing(undefined);
  const isSoft = isolation === 'shared' || isolation === 'pool';
  if (state === 'off') {
    return (
      <div class="buttons">
        <button
          type="button"
          class="primary"
          onClick={() => void page.act('enable', { name }, `${name} is served again.`)}
        >
          Enable
        </button>
      </div>
    );
  }
  const check = (): void => {
    setChecking(true);
    void page
      .act<CheckAnswer>('check', { name }, (answer) => `${name}: ${describeCheck(answer)}`)
      .finally(() => setChecking(false));
  };
  return (
    <div class="buttons">
      <button type="button" disabled={checking} onClick={check}>
        {checking ? 'Checking…' : 'Check'}
      </button>
      <button type="button" onClick={() => setDoing('restart')}>
        Restart…
      </button>
      <Menu
        label="More"
        icon="more"
        items={[
          { icon: 'stop', label: 'Drain…', onChoose: () => setDoing('drain') },
          { icon: 'close', label: 'Disable…', onChoose: () => setDoing('disable') },
        ]}
      />
      {doing === 'restart' && (
        <Ask
          title={`Restart ${name}`}
          action="Restart"
          grave={!isSoft}
          onClose={close}
          onDo={() => void page.act('restart', { name }, `${name} was restarted.`)}
        >
          <p>
            {isSoft
              ? 'A new member takes the place of each before the old one ends, so clients do not notice.'
              : `Each of its ${counted(members.length, 'member')} is replaced. What a server keeps in memory for its session is lost, and running calls fail.`}
          </p>
        </Ask>
      )}
      {doing === 'drain' && (
        <Ask
          title={`Drain ${name}`}
          action="Drain"
          grave
          onClose={close}
          onDo={() =>
            void page.act('drainServer', { name }, `${name} finishes what it has begun, and is served no more.`)
          }
        >
          <p>
            It finishes its running calls, and its sessions end. Clients that use all servers as one connect again. It
            is served again when you enable it here, or when Switchboard starts again.
          </p>
        </Ask>
      )}
      {doing === 'disable' && (
        <Ask
          title={`Disable ${name}`}
          action="Disable"
          grave
          onClose={close}
          onDo={() => void page.act('disable', { name }, `${name} is disabled in the configuration file.`)}
        >
          <p>
            The same as to drain it, and it is written into the configuration file, so that it stays off after a
            restart. Its entry stays.
          </p>
        </Ask>
      )}
    </div>
  );
}
