/** A tool that is tried: its request, its progress and its answer as they come. */
import { addressOf, ask, headersFor } from './api.ts';
import type { Tool } from './facts.ts';

export interface TrialState {
  readonly state: 'none' | 'running' | 'asked' | 'ok' | 'isError' | 'error' | 'cancelled';
  readonly args?: object;
  readonly request?: unknown;
  readonly answer?: unknown;
  readonly ms?: number;
  /** Why there is no answer. */
  readonly error?: string;
  readonly progress?: { readonly progress: number; readonly total?: number; readonly message?: string };
  /** What the server asks before it goes on, by keys of its own. */
  readonly questions?: Readonly<Record<string, unknown>>;
  /** How often it has asked. */
  readonly round?: number;
}

/** How a person answers a question of a server. */
export interface QuestionAnswer {
  readonly action: 'accept' | 'decline' | 'cancel';
  readonly content?: Readonly<Record<string, unknown>>;
}

interface Told {
  readonly ms?: number;
  readonly request?: unknown;
  readonly progress?: TrialState['progress'];
  readonly questions?: TrialState['questions'];
  /** The name of the call, to answer under. */
  readonly trial?: string;
  readonly answer?: {
    readonly result?: { readonly isError?: boolean };
    readonly error?: { readonly message?: string };
  };
}

export class Trial {
  state: TrialState = { state: 'none' };
  readonly #onChange: () => void;
  #running: AbortController | undefined;
  #name = '';

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Gives up the one before. */
  async start(tool: Tool, args: object, role: string | undefined): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.#set({ state: 'running', args });
    try {
      const body = { tool: tool.name, arguments: args, ...(role !== undefined && { role }) };
      const response = await fetch(addressOf('call', { name: tool.upstream }), {
        method: 'POST',
        headers: headersFor('POST', body),
        body: JSON.stringify(body),
        signal: running.signal,
      });
      if (!response.ok || response.body === null) {
        const said = (await response.json()) as { readonly error?: { readonly message?: string } };
        this.#set({
          ...this.state,
          state: 'error',
          error: said.error?.message ?? `Switchboard answered ${response.status}.`,
        });
        return;
      }
      for await (const told of events(response.body)) {
        if (running.signal.aborted) return;
        this.#take(told);
      }
      if (this.state.state === 'running' || this.state.state === 'asked')
        this.#set({ ...this.state, state: 'error', error: 'The connection was cut.' });
    } catch (error) {
      if (!running.signal.aborted) this.#set({ ...this.state, state: 'error', error: (error as Error).message });
    }
  }

  cancel(): void {
    if (this.state.state !== 'running' && this.state.state !== 'asked') return;
    this.#running?.abort();
    this.#set({ ...this.state, state: 'cancelled' });
  }

  /** Answers every question that is open. They stay open until the answer has arrived. @throws {Refusal} */
  async answer(answers: Readonly<Record<string, QuestionAnswer>>): Promise<void> {
    const { round } = this.state;
    const name = this.#name;
    await ask('answerTrial', { name, body: { answers } });
    // What came of it may be here already.
    if (this.state.state !== 'asked' || this.state.round !== round || this.#name !== name) return;
    const { questions: _, ...others } = this.state;
    this.#set({ ...others, state: 'running' });
  }

  #take({ trial, request, progress, questions, answer, ms }: Told): void {
    this.#name = trial ?? this.#name;
    if (request !== undefined) this.#set({ ...this.state, request });
    else if (questions !== undefined) {
      this.#set({ ...this.state, state: 'asked', questions, round: (this.state.round ?? 0) + 1 });
    } else if (progress !== undefined) this.#set({ ...this.state, progress });
    else if (answer !== undefined) {
      const state = answer.error !== undefined ? 'error' : answer.result?.isError === true ? 'isError' : 'ok';
      this.#set({ ...this.state, state, answer, ...(ms !== undefined && { ms }) });
    }
  }

  #set(state: TrialState): void {
    this.state = state;
    this.#onChange();
  }
}

/** The data of server-sent events. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<Told> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data !== undefined) yield JSON.parse(data) as Told;
    }
  }
}
