import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { ask } from './api.ts';
import { Arguments } from './arguments.tsx';
import type { Run, Survey, Tool } from './facts.ts';
import type { Page } from './page.ts';
import { mostClients, readSteps, stepsFor, withTag } from './simulation.ts';
import { count, counted } from './words.ts';

const MAX_IN_FLIGHT = 16;
const DURATIONS: Readonly<Record<string, string>> = {
  '10s': '10 seconds',
  '30s': '30 seconds',
  '1m': '1 minute',
  '5m': '5 minutes',
  '10m': '10 minutes',
};
/** In place of a tool: weighted steps. No tool is called so, as names have no spaces in front. */
const STEPS = ' steps';
/** In place of a tool: one that the simulator chooses. */
const CHOSEN = '';

/** What an operator asks for, but for the arguments. */
interface Draft {
  readonly upstream: string;
  readonly tool: string;
  /** Figures are kept as they are typed. */
  readonly clients: string;
  readonly duration: string;
  readonly rate: string;
  readonly inFlight: string;
  readonly era: string;
}

const FIRST: Draft = {
  upstream: '',
  tool: CHOSEN,
  clients: '10',
  duration: '30s',
  rate: '',
  inFlight: '1',
  era: 'legacy',
};

function useTools(): readonly Tool[] | undefined {
  const [tools, setTools] = useState<readonly Tool[]>();
  useEffect(() => {
    let over = false;
    // Without them a tool cannot be chosen, and everything else can.
    ask<Survey>('tools').then(
      (survey) => over || setTools(survey.tools),
      () => over || setTools([]),
    );
    return () => {
      over = true;
    };
  }, []);
  return tools;
}

/** A whole number from 1 to a limit, whatever was typed. */
const within = (typed: string, max: number): number => Math.min(max, Math.max(1, Math.round(Number(typed) || 1)));

/** The steps of a run, as JSON, and its start. */
function StepsForm({
  first,
  onStart,
}: {
  readonly first: readonly object[];
  onStart(steps: readonly object[]): void;
}): JSX.Element {
  const [text, setText] = useState(() => `[\n  ${first.map((step) => JSON.stringify(step)).join(',\n  ')}\n]`);
  const [wrong, setWrong] = useState<string>();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const read = readSteps(text);
    setWrong(read.wrong);
    if (read.steps !== undefined) onStart(read.steps);
  };
  return (
    <form class="form" onSubmit={submit}>
      <div class="row">
        <label for="steps">Steps, as JSON</label>
        <p class="about" id="steps-about">
          Each client does one after the other, as often as its weight says.
        </p>
        <textarea
          id="steps"
          class="code"
          rows={8}
          spellcheck={false}
          value={text}
          aria-invalid={wrong !== undefined}
          aria-describedby="steps-about steps-wrong"
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <p class="wrong" id="steps-wrong" role="alert">
          {wrong}
        </p>
      </div>
      <div class="buttons">
        <button type="submit" class="primary">
          Start the run
        </button>
      </div>
    </form>
  );
}

/** Asks for a run: of which server, how much, and what its clients do. */
export function NewRun({ page }: { readonly page: Page }): JSX.Element {
  const tools = useTools();
  const { upstreams } = page.live!.state;
  const names = [...upstreams.values()].filter(({ state }) => state !== 'off').map(({ name }) => name);
  const [given, setDraft] = useState<Draft>(FIRST);
  const draft = { ...given, upstream: given.upstream === '' ? (names[0] ?? '') : given.upstream };
  const change = (part: Partial<Draft>): void => setDraft({ ...draft, ...part });
  const upstream = upstreams.get(draft.upstream);
  const own = (tools ?? []).filter((tool) => tool.upstream === draft.upstream);
  const tool = own.find(({ name }) => name === draft.tool);
  // The same one as long as the tool is, so that what was typed stays.
  const tagged = useMemo(() => tool && withTag(tool), [tool]);
  if (names.length === 0) {
    return <p class="empty">No server is on. Enable one in Servers, or add one to the configuration.</p>;
  }
  const inFlight = within(draft.inFlight, MAX_IN_FLIGHT);
  const { most, by } = mostClients(page.live!.state.status, inFlight);
  const start = async (what: object): Promise<void> => {
    const { rate, duration, clients, era } = draft;
    const body = {
      upstream: draft.upstream,
      clients: within(clients, most),
      duration,
      inFlight,
      era,
      ...(rate.trim() !== '' && { rate: Number(rate) }),
      ...what,
    };
    const run = await page.act<Run>('startSimulation', { body }, 'The run has started.');
    if (run === undefined) return;
    page.live?.state.addRun(run);
    page.go('simulate', { id: run.id });
  };
  const number = (name: 'clients' | 'inFlight', label: string, max: number): JSX.Element => (
    <div class="row">
      <label for={`run-${name}`}>{label}</label>
      <input
        id={`run-${name}`}
        type="number"
        inputMode="numeric"
        min={1}
        max={max}
        value={draft[name]}
        aria-describedby={name === 'clients' ? 'run-most' : undefined}
        onInput={({ currentTarget }) => change({ [name]: currentTarget.value })}
        onChange={({ currentTarget }) => change({ [name]: String(within(currentTarget.value, max)) })}
      />
    </div>
  );
  return (
    <section class="new-run" aria-label="New run">
      <h2>New run</h2>
      <div class="form">
        <div class="row">
          <label for="run-server">Server</label>
          <select
            id="run-server"
            value={draft.upstream}
            onChange={({ currentTarget }) => change({ upstream: currentTarget.value, tool: CHOSEN })}
          >
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </div>
        <div class="pair">
          {number('clients', 'Clients', most)}
          <div class="row">
            <label for="run-duration">For</label>
            <select
              id="run-duration"
              value={draft.duration}
              onChange={({ currentTarget }) => change({ duration: currentTarget.value })}
            >
              {Object.entries(DURATIONS).map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </div>
        </div>
        <p class="about" id="run-most">
          At most {count(most)}
          {by === 'maxConnections' && (
            <>
              {' '}
              now: half of the places that <code>maxConnections</code> leaves free
            </>
          )}
          {by === 'maxRequestsInFlight' && (
            <>
              : <code>maxRequestsInFlight</code> counts the calls of all of them together
              {inFlight > 1 && `, ${inFlight} of each`}
            </>
          )}
          .
        </p>
        <div class="row">
          <label for="run-rate">
            Calls a second<span class="optional"> optional</span>
          </label>
          <p class="about" id="run-rate-about">
            Of all clients together. Empty: each goes on as soon as it is answered.
          </p>
          <input
            id="run-rate"
            type="number"
            min={0.01}
            max={10_000}
            step="any"
            value={draft.rate}
            placeholder="as fast as possible"
            aria-describedby="run-rate-about"
            onInput={({ currentTarget }) => change({ rate: currentTarget.value })}
          />
        </div>
        <details>
          <summary>More</summary>
          <div class="pair">
            {number('inFlight', 'Concurrent calls per client', MAX_IN_FLIGHT)}
            <div class="row">
              <label for="run-era">Protocol</label>
              <select
                id="run-era"
                value={draft.era}
                onChange={({ currentTarget }) => change({ era: currentTarget.value })}
              >
                <option value="legacy">2025-11-25 (legacy)</option>
                <option value="modern">2026-07-28 (modern)</option>
                <option value="mixed">half of each</option>
              </select>
            </div>
          </div>
        </details>
        <div class="row">
          <label for="run-tool">What they do</label>
          <select
            id="run-tool"
            value={draft.tool}
            onChange={({ currentTarget }) => change({ tool: currentTarget.value })}
          >
            <option value={CHOSEN}>call a tool that echoes, or list the tools</option>
            <option value={STEPS}>a mix of steps</option>
            {own.map(({ name }) => (
              <option key={name} value={name}>
                call {name}
              </option>
            ))}
          </select>
          {tools === undefined && <p class="about">Asking the servers for their tools…</p>}
        </div>
      </div>
      {upstream?.isolation === 'session' && within(draft.clients, most) > 1 && (
        <p class="banner warn-banner">
          Its isolation is session: {counted(within(draft.clients, most), 'client')} start as many processes of it.
        </p>
      )}
      {tool?.annotations?.['destructiveHint'] === true && (
        <p class="banner warn-banner">{tool.name} says that it may destroy something. The calls are real.</p>
      )}
      {draft.tool === STEPS ? (
        <StepsForm key={draft.upstream} first={stepsFor(own)} onStart={(steps) => void start({ steps })} />
      ) : tool === undefined ? (
        <div class="buttons">
          <button type="button" class="primary" onClick={() => void start({})}>
            Start the run
          </button>
        </div>
      ) : (
        <>
          <p class="hint">
            <code>{'{{tag}}'}</code> in a text differs in each call, so that an answer for another client is seen.
          </p>
          <Arguments
            key={`${tool.upstream} ${tool.name}`}
            tool={tagged!}
            send="Start the run"
            running={false}
            onCall={(args) => void start({ tool: tool.name, arguments: args })}
            onCancel={() => {}}
          />
        </>
      )}
    </section>
  );
}
