/** One turn: a query, what the model says to it, the tools that it uses on the way, and the end. */
import { randomUUID } from 'node:crypto';

import { ModelFailure } from '../models/model.ts';
import type { Model, ModelCall, ModelResult, PromptMessage, ToolOffer } from '../models/model.ts';
import type { Consent, OfferedCall } from '../people/approvals.ts';
import type { KeyedSemaphore } from '../people/keyed-semaphore.ts';
import type { Ended, Stopped, Usage } from '../protocol/history.ts';
import type { Processing, ServerMessage, ToolCall } from '../protocol/server-messages.ts';
import { FINDER_TITLE, foundTools } from '../tools/finder.ts';
import { cut } from '../tools/result.ts';
import type { ToolOutcome } from '../tools/result.ts';
import type { Selected } from '../tools/selection.ts';
import type { BoxedTool, Toolbox } from '../tools/toolbox.ts';
import { estimateTokens, fitContext, tokensOf } from './context.ts';
import type { Conversation, Listener, QueuedTurn } from './conversation.ts';

/** Who asked: the turn runs with this person's tools and rights. */
export interface Asker extends Listener {
  readonly id: string;
  readonly name: string;
  /** Who it is; so many turns run at once for each. */
  readonly key: string;
  /** Whose quota is used. */
  readonly account: string;
  readonly toolbox: Toolbox;
  /** Whether the person lets a tool run. Never rejects; `stopped` when the signal aborts. */
  approve(call: OfferedCall, signal: AbortSignal): Promise<Consent>;
}

export interface TurnOptions {
  model: Model;
  system: string;
  /** Whose word is asked for before a tool runs. */
  approvals: 'destructive' | 'always' | 'never';
  maxSteps: number;
  maxCallsAtOnce: number;
  /** How many tools a request offers at most. */
  maxTools: number;
  maxContextTokens: number;
  /** How much of a result the model is given, in characters. */
  maxResultCharacters: number;
  /** How long a person may think about an approval, in ms. */
  questionTimeoutMs: number;
  /** Turns at once, for each person. */
  turnLimit: KeyedSemaphore;
  onUsage(account: string, usage: Usage): void;
  /** The model was asked for nothing: it failed before its first word. */
  onUnanswered(account: string): void;
  /** Something failed that is nobody's fault here. @returns a reference for people. */
  onFailure(error: unknown): string;
  onEnd(turn: Turn, stopped: Stopped, usage: Usage, ms: number): void;
}

/** The tools of one step: all that the asker has, and those of them that the model is offered. */
interface StepTools extends Selected<BoxedTool> {
  all: readonly BoxedTool[];
}

/** How many calls of one answer are run; the others are refused. */
const MAX_CALLS = 64;

export class Turn implements QueuedTurn {
  readonly id: string = `t_${randomUUID()}`;
  readonly asker: Asker;
  /** The asker's, when it was asked. */
  readonly #account: string;
  readonly #text: string;
  readonly #queryId: string | undefined;
  readonly #conversation: Conversation;
  readonly #options: TurnOptions;
  readonly #abort: AbortController = new AbortController();
  readonly #calls: Map<string, ToolCall> = new Map();
  #isRunning = false;
  #answering: Promise<unknown> | undefined;
  #said = '';
  #question: (PromptMessage & { role: 'user' }) | undefined;
  #hasUsedTools = false;
  #usage: Usage = { input_tokens: 0, output_tokens: 0 };

  constructor(conversation: Conversation, asker: Asker, query: { text: string; id?: string }, options: TurnOptions) {
    this.#conversation = conversation;
    this.asker = asker;
    this.#account = asker.account;
    this.#text = query.text;
    this.#queryId = query.id;
    this.#options = options;
  }

  cancel(): void {
    this.#abort.abort(new DOMException('The turn was cancelled.', 'AbortError'));
  }

  /** Resolves when it does nothing for its asker: one that waits and was cancelled never will. */
  get settled(): Promise<unknown> {
    return Promise.resolve(this.#answering?.catch(() => {}));
  }

  /** What somebody needs to hear who comes while the turn runs. */
  get live(): ServerMessage[] {
    if (!this.#isRunning) return [];
    const said: ServerMessage[] = this.#said === '' ? [] : [{ type: 'delta', turn: this.id, text: this.#said }];
    return [this.#processing, ...said, ...this.#calls.values()];
  }

  /** Never rejects: a fault of one turn must not keep the next from running. */
  async run(): Promise<void> {
    try {
      await this.#runToEnd();
    } catch (error) {
      this.#options.onFailure(error);
    }
  }

  async #runToEnd(): Promise<void> {
    const { turnLimit, onEnd } = this.#options;
    const startedAt = Date.now();
    let stopped: Stopped;
    try {
      stopped = await turnLimit.run(this.asker.key, this.#abort.signal, () => {
        const answering = this.#answer();
        this.#answering = answering;
        return answering;
      });
    } catch (error) {
      stopped = this.#abort.signal.aborted ? 'cancelled' : 'failed';
      if (stopped === 'failed') {
        this.#conversation.broadcast(this.#failure(error));
        this.#takeBack();
      }
    }
    this.#isRunning = false;
    const text = this.#said;
    const entry = this.#conversation.add({ kind: 'model', turn: this.id, text, stopped, usage: this.#usage });
    const { seq, turn, usage } = entry;
    this.#conversation.broadcast({ type: 'response', message: text, turn, seq, stopped, usage });
    onEnd(this, stopped, usage, Date.now() - startedAt);
  }

  /** What failed without a word costs nothing, and is not asked again with the next question. */
  #takeBack(): void {
    if (this.#said !== '' || this.#hasUsedTools) return;
    if (this.#question !== undefined) this.#conversation.retract(this.#question);
    this.#options.onUnanswered(this.#account);
  }

  get #processing(): Processing {
    return { type: 'processing', message: 'Processing your query...', turn: this.id, from: this.asker.name };
  }

  async #answer(): Promise<Stopped> {
    this.#isRunning = true;
    this.#conversation.begin(this.id);
    const { asker } = this;
    this.#conversation.broadcast(this.#processing, asker);
    asker.send({ ...this.#processing, ...(this.#queryId !== undefined && { id: this.#queryId }) });
    const from = this.#conversation.shared ? { from: asker.name } : {};
    this.#question = { role: 'user', text: this.#text, ...from };
    const earlier = this.#conversation.messages.findLast((message) => message.role === 'user');
    this.#conversation.remember(this.#question);
    const { maxSteps, maxTools } = this.#options;
    const { selection } = this.#conversation;
    for (let step = 1; step <= maxSteps; step++) {
      const all = await this.#whileAsked(asker.toolbox.tools());
      if (step === 1) selection.bringIn(all, this.#text, earlier?.text ?? '', maxTools);
      const stopped = await this.#stepThatFits({ all, ...selection.offered(all, maxTools) });
      if (stopped !== undefined) return stopped;
    }
    this.#say(`I stopped after ${maxSteps} steps.`, true);
    return 'steps';
  }

  /** A model may be able to read less than it is given here. Then it is given half, once. */
  async #stepThatFits(tools: StepTools): Promise<Stopped | undefined> {
    try {
      return await this.#step(tools, this.#conversation.maxTokens);
    } catch (error) {
      if (!(error instanceof ModelFailure && error.isTooLong)) throw error;
      const { messages } = this.#conversation;
      const half = Math.floor(tokensOfAll(messages) / 2);
      if (tokensOfAll(fitContext(messages, half)) >= tokensOfAll(messages)) throw error;
      const message =
        'This is too long for the model, so it gets the newer half of the conversation. Send clear to begin a new one.';
      this.#conversation.broadcast({ type: 'info', message, event: 'shortened' });
      const stopped = await this.#step(tools, half);
      // Only now is it known that this was the reason.
      this.#conversation.shrink(half);
      return stopped;
    }
  }

  /** One answer of the model to so much of the conversation, and the tools that it wants. @returns why the turn ends, if it does. */
  async #step(tools: StepTools, maxTokens: number): Promise<Stopped | undefined> {
    const { model, system, maxContextTokens } = this.#options;
    const { signal } = this.#abort;
    const around = estimateTokens(system) + sum(tools.offers.map(tokensOfTool));
    const room = Math.min(maxTokens, Math.max(1000, maxContextTokens - around));
    const messages = fitContext(this.#conversation.messages, room);
    const calls: ModelCall[] = [];
    let text = '';
    let wasCut = false;
    let usage: Usage | undefined;
    try {
      for await (const part of model.answer({ system, messages, tools: tools.offers, signal })) {
        if (part.type === 'text') {
          this.#say(part.text, text === '');
          text += part.text;
        } else if (part.type === 'call') calls.push(part.call);
        else if (part.type === 'retry') this.asker.send({ type: 'info', message: part.message, event: 'retrying' });
        else {
          wasCut = part.cut;
          usage = part.usage;
        }
      }
    } catch (error) {
      // What was said is part of the conversation; calls without their results must not be.
      if (text.trim() !== '') this.#conversation.remember({ role: 'assistant', text, calls: [] });
      if (text !== '' || calls.length > 0) this.#count(usage, messages, text, around);
      throw error;
    }
    this.#count(usage, messages, text, around);
    if (calls.length === 0) {
      if (text.trim() !== '') this.#conversation.remember({ role: 'assistant', text, calls });
      return wasCut ? 'length' : 'done';
    }
    this.#hasUsedTools = true;
    const results = await this.#use(calls, tools);
    // The model's own arguments, as they may be kept: what it must not set is not even repeated to it.
    const shown = calls.map((call) => {
      return { ...call, arguments: this.asker.toolbox.shown(toolOf(call, tools), call.arguments) };
    });
    this.#conversation.remember({ role: 'assistant', text, calls: shown }, { role: 'tool', results });
    signal.throwIfAborted();
    return undefined;
  }

  /** Uses tools, several at once; every call gets a result, whatever happens. */
  async #use(calls: readonly ModelCall[], tools: StepTools): Promise<ModelResult[]> {
    const results: ModelResult[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let index = next++; index < calls.length; index = next++) {
        results[index] = await this.#useOne(calls[index]!, tools, index);
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#options.maxCallsAtOnce, calls.length) }, work));
    return results;
  }

  async #useOne(call: ModelCall, tools: StepTools, index: number): Promise<ModelResult> {
    const { asker, id: turn } = this;
    const tool = toolOf(call, tools);
    const title = call.name === tools.finder ? FINDER_TITLE : tool?.title;
    const shown: ToolCall = {
      type: 'tool_call',
      turn,
      call: `c_${randomUUID()}`,
      name: call.name,
      ...(tool !== undefined && { server: tool.server }),
      arguments: asker.toolbox.shown(tool, call.arguments),
      by: asker.name,
      ...(title !== undefined && { title }),
    };
    this.#calls.set(shown.call, shown);
    this.#conversation.broadcast(shown);
    const outcome =
      index < MAX_CALLS ? await this.#run(call, tools, shown) : failed(`More than ${MAX_CALLS} calls at once.`);
    this.#calls.delete(shown.call);
    const { isError, ended, text, images } = outcome;
    const forModel = cut(text, this.#options.maxResultCharacters);
    const entry = this.#conversation.add({
      kind: 'tool',
      turn,
      call: shown.call,
      name: shown.name,
      ...(tool !== undefined && { server: tool.server }),
      arguments: shown.arguments,
      by: asker.name,
      is_error: isError,
      ...(ended !== undefined && { ended }),
      text,
      ...(images.length > 0 && { images }),
      truncated: forModel !== text,
    });
    const { kind: _, at: __, arguments: ___, by: ____, ...result } = entry;
    this.#conversation.broadcast({ type: 'tool_result', ...result });
    return { id: call.id, name: call.name, text: forModel, images, isError };
  }

  async #run(call: ModelCall, tools: StepTools, shown: ToolCall): Promise<ToolOutcome> {
    const { approvals } = this.#options;
    const { signal } = this.#abort;
    const tool = toolOf(call, tools);
    if (tool === undefined || !tools.tools.includes(tool)) return this.#withoutOffer(call, tool, tools);
    if (call.unreadable !== undefined) return failed(call.unreadable);
    this.#conversation.selection.use(tool, tools.all, this.#options.maxTools);
    try {
      signal.throwIfAborted();
      const mustAsk = approvals === 'always' || (approvals === 'destructive' && tool.destructive);
      const consent = mustAsk ? await this.asker.approve({ ...shown, server: tool.server }, signal) : 'approved';
      if (consent !== 'approved') return this.#notMade(consent);
      // What was approved, or needed no approval, is what runs: not what the server has made of it meanwhile.
      if (!(await this.asker.toolbox.isAsOffered(tool, mustAsk))) return this.#notMade('changed');
      signal.throwIfAborted();
      return await this.asker.toolbox.call(tool, call.arguments, {
        signal,
        onProgress: ({ progress, total, message }) =>
          this.#conversation.broadcast({
            type: 'tool_progress',
            turn: this.id,
            call: shown.call,
            progress,
            ...(total !== undefined && { total }),
            ...(message !== undefined && { message }),
          }),
      });
    } catch (error) {
      if (signal.aborted) return this.#notMade('stopped');
      return failed(`The call failed; reference ${this.#options.onFailure(error)}.`);
    }
  }

  /** A call of the chat's own tool, of one that was not offered, or of none that there is. Nothing of a server runs. */
  #withoutOffer(call: ModelCall, tool: BoxedTool | undefined, { all, finder }: StepTools): ToolOutcome {
    const { name, arguments: written, unreadable } = call;
    const { selection } = this.#conversation;
    const { maxTools } = this.#options;
    if (name === finder) {
      const { query } = written;
      if (typeof query !== 'string') return failed(unreadable ?? 'The argument query must be a text.');
      return foundTools(selection.find(all, query, maxTools));
    }
    if (tool === undefined) return failed(`There is no tool ${JSON.stringify(name.slice(0, 100))}.`);
    // What the model has written without knowing the arguments is not run.
    selection.use(tool, all, maxTools);
    return failed(
      `${name} was not loaded, so it was not called. It is loaded now: read its arguments, and call it again.`,
    );
  }

  #notMade(ended: Ended): ToolOutcome {
    const minutes = this.#options.questionTimeoutMs / 60_000;
    const why: Record<Ended, string> = {
      refused: 'The person did not approve this call, so it was not made.',
      expired: `Nobody said within ${minutes.toFixed(minutes < 1 ? 2 : 0)} minutes whether this may run, so the call was not made.`,
      unasked: 'This needs a yes, and the person could not be asked, so the call was not made.',
      changed:
        'The tool is not what it was when it was chosen, or its server does not answer, so the call was not made.',
      stopped: 'The call was cancelled.',
    };
    return { ...failed(why[ended]), ended };
  }

  #say(text: string, isNewPart: boolean): void {
    const piece = isNewPart && this.#said !== '' ? `\n\n${text}` : text;
    this.#said += piece;
    this.#conversation.broadcast({ type: 'delta', turn: this.id, text: piece });
  }

  #count(usage: Usage | undefined, messages: readonly PromptMessage[], text: string, around: number): void {
    const counted = usage ?? {
      input_tokens: around + tokensOfAll(messages),
      output_tokens: estimateTokens(text),
    };
    const cached = (this.#usage.cached_tokens ?? 0) + (counted.cached_tokens ?? 0);
    this.#usage = {
      input_tokens: this.#usage.input_tokens + counted.input_tokens,
      output_tokens: this.#usage.output_tokens + counted.output_tokens,
      ...(cached > 0 && { cached_tokens: cached }),
    };
    this.#options.onUsage(this.#account, counted);
  }

  #failure(error: unknown): ServerMessage {
    if (error instanceof ModelFailure) {
      return { type: 'error', message: error.message, code: 'provider', turn: this.id };
    }
    const message = `Something went wrong here; reference ${this.#options.onFailure(error)}.`;
    return { type: 'error', message, code: 'internal', turn: this.id };
  }

  /** Does not wait for what nobody wants any more. */
  #whileAsked<Result>(promise: Promise<Result>): Promise<Result> {
    const { signal } = this.#abort;
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }
}

const tokensOfAll = (messages: readonly PromptMessage[]): number => sum(messages.map(tokensOf));

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

/** What offering a tool costs, in each request. */
const tokensOfTool = ({ name, description, inputSchema }: ToolOffer): number =>
  estimateTokens(name + description + JSON.stringify(inputSchema));

/** The tool that a call means, offered or not. */
const toolOf = ({ name }: ModelCall, { all }: StepTools): BoxedTool | undefined =>
  all.find((tool) => tool.name === name);

const failed = (text: string): ToolOutcome => ({ isError: true, text, images: [] });
