import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Icon } from '../common/icon.tsx';
import { Code } from '../common/prose.tsx';
import type { Call, CallResult } from './items.ts';
import type { Ended, Image } from './wire.ts';

/** Raster images: a drawing may be a document of its own. */
const SHOWN_IMAGES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif']);

/** The word for a call that was not run, or not to its end, and the sentence. */
const ENDS: Readonly<Record<Ended, readonly [string, string]>> = {
  refused: ['refused', 'You did not allow it, so it was not run.'],
  expired: ['expired', 'Nobody answered in time, so it was not run.'],
  unasked: ['not asked', 'Too many questions are open to ask whether it may run, so it was not run.'],
  changed: ['changed', 'The tool changed after the assistant chose it, so it was not run.'],
  stopped: ['stopped', 'The answer was stopped before the tool had ended.'],
};

/** Of longer results the beginning is shown first, in characters. */
const SHORT = 4_000;

/** JSON with line breaks, or undefined if it is none. */
function prettyJson(text: string): string | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return undefined;
  }
}

function Result({ result, name }: { readonly result: CallResult; readonly name: string }): JSX.Element {
  const [whole, showWhole] = useState(false);
  const json = prettyJson(result.text);
  const text = json ?? result.text;
  const shown = whole ? text : text.slice(0, SHORT);
  return (
    <>
      <h4>{result.failed ? 'Failed' : result.ended === undefined ? 'Result' : 'Not run to its end'}</h4>
      {result.ended !== undefined && <p class="hint">{ENDS[result.ended]?.[1]}</p>}
      {result.text === '' && result.images.length === 0 && <p class="hint">{name} answered nothing.</p>}
      {result.text !== '' && <Code code={shown} language={json === undefined ? '' : 'json'} />}
      {shown.length < text.length && (
        <button type="button" class="inline" onClick={() => showWhole(true)}>
          Show all of it ({Math.ceil(text.length / 1000).toLocaleString()} k characters)
        </button>
      )}
      {result.truncated && <p class="hint">The assistant was given the beginning of it only.</p>}
    </>
  );
}

function Picture({ image, name }: { readonly image: Image; readonly name: string }): JSX.Element {
  if (!SHOWN_IMAGES.has(image.mime_type)) {
    return <p class="hint">An image of the type {image.mime_type} is not shown.</p>;
  }
  return <img class="picture" src={`data:${image.mime_type};base64,${image.data}`} alt={`Image from ${name}`} />;
}

/** How far a tool is, as far as it tells. */
function Progress({ call }: { readonly call: Call }): JSX.Element | null {
  if (call.result !== undefined || call.progress === undefined) return null;
  const { done, total, message } = call.progress;
  return (
    <div class="progress">
      <progress aria-label={`Progress of ${call.name}`} value={total === undefined ? undefined : done} max={total} />
      <span>{message || (total === undefined ? '' : `${Math.round((100 * done) / total)} %`)}</span>
    </div>
  );
}

export interface ToolProps {
  readonly call: Call;
  /** Whether it waits for the person. */
  readonly waits: boolean;
  /** Whether to say whose rights it has. */
  readonly withBy: boolean;
  /** Whether its turn has ended. */
  readonly ended: boolean;
}

function stateOf(result: CallResult | undefined, waits: boolean, ended: boolean): readonly [string, string] {
  if (result === undefined) return waits ? ['waits', 'waits for you'] : ended ? ['ended', 'stopped'] : ['runs', 'runs'];
  if (result.ended !== undefined) return ['ended', ENDS[result.ended]?.[0] ?? 'not run'];
  return result.failed ? ['failed', 'failed'] : ['done', 'done'];
}

/** One use of a tool: a line, and behind it what it was given and what it answered. */
export function Tool({ call, waits, withBy, ended }: ToolProps): JSX.Element {
  const { result, name } = call;
  const [state, word] = stateOf(result, waits, ended);
  return (
    <div class={`tool ${state}`}>
      <details>
        <summary>
          <Icon name="tool" />
          <span class="tool-name">{call.title ?? name}</span>
          {call.server !== undefined && <span class="note">{call.server}</span>}
          {withBy && call.by !== '' && <span class="note">for {call.by}</span>}
          <span class="tool-state">{word}</span>
          <Icon name="chevron" />
        </summary>
        <div class="tool-body">
          <h4>Arguments</h4>
          <Code code={JSON.stringify(call.arguments, null, 2)} language="json" />
          {result !== undefined && <Result result={result} name={name} />}
        </div>
      </details>
      <Progress call={call} />
      {result?.images.map((image, index) => (
        <Picture key={index} image={image} name={name} />
      ))}
    </div>
  );
}
