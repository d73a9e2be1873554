/**
 * Which tools the model is offered in one conversation, where there are too many to offer all in every request. The order only grows at
 * its end, and changes only when a question calls for it, so that providers can keep what they have read (docs/decisions/0010).
 */
import type { PromptMessage, ToolOffer } from '../models/model.ts';
import { FINDER, finderFor } from './finder.ts';
import { nameFor } from './names.ts';
import { rankTools } from './ranking.ts';
import type { RankedTool, Weighted } from './ranking.ts';

/** What one request offers. */
export interface Selected<Tool extends RankedTool> {
  /** For the model. */
  offers: readonly ToolOffer[];
  /** Those of them that are tools of servers. */
  tools: readonly Tool[];
  /** The name of the tool that finds the others; undefined where all are offered. */
  finder: string | undefined;
}

/** How much of the limit one question or search may bring in. */
const SHARE = 3;
/** What the question before says about the one that is asked. */
const EARLIER_WEIGHT = 0.5;
/** How many names are remembered, those of tools among them that are not there now: a server may come back, and another person has others. */
const MAX_NAMES = 1000;

export class ToolSelection {
  /** In the order in which they were first offered. */
  #names: string[] = [];
  /** Tools that the model has used, the latest last. */
  readonly #used: Set<string> = new Set();

  /** @param messages of a conversation that goes on: what it has used stays offered. */
  constructor(messages: readonly PromptMessage[] = []) {
    const calls = messages.flatMap((message) => (message.role === 'assistant' ? message.calls : []));
    for (const { name } of calls) this.#note(name);
    this.#names = [...this.#used];
  }

  /**
   * Brings in what a new question calls for: its best matches. When the very best is offered already, everything stays as it is.
   *
   * @param earlier the question before, which a short one may be about.
   * @param max how many tools are offered at most.
   */
  bringIn(tools: readonly RankedTool[], question: string, earlier: string, max: number): void {
    if (tools.length <= max) return;
    const texts: Weighted[] = [
      [question, 1],
      [earlier, EARLIER_WEIGHT],
    ];
    const best = rankTools(tools, texts).slice(0, shareOf(max));
    // What a conversation brought with it, or a server that is back, may be too many: those that were not used for longest go first.
    this.#add([], tools, max);
    if (best[0] !== undefined && !this.#names.includes(best[0].name)) this.#add(best, tools, max);
  }

  /** What the model is offered now: all tools, or those that were brought in and one that finds the others. */
  offered<Tool extends RankedTool>(tools: readonly Tool[], max: number): Selected<Tool> {
    if (tools.length <= max) return { offers: tools, tools, finder: undefined };
    const byName = new Map(tools.map((tool) => [tool.name, tool]));
    const selected = this.#names.flatMap((name) => byName.get(name) ?? []).slice(0, max);
    const finder = nameFor(FINDER, undefined, (name) => byName.has(name));
    return { offers: [finderFor(finder, tools), ...selected], tools: selected, finder };
  }

  /** Looks for tools by their names or by words, and brings them in. @returns what was found, the best first. */
  find<Tool extends RankedTool>(tools: readonly Tool[], query: string, max: number): Tool[] {
    const words = new Set(query.match(/[\w-]+/g));
    const named = tools.filter(({ name }) => words.has(name));
    const found = [...new Set([...named, ...rankTools(tools, [[query, 1]])])].slice(0, shareOf(max));
    this.#add(found, tools, max);
    return found;
  }

  /** Notes that the model has used a tool, or has tried to; it is offered from now on. */
  use(tool: RankedTool, tools: readonly RankedTool[], max: number): void {
    this.#note(tool.name);
    this.#add([tool], tools, max);
  }

  #note(name: string): void {
    this.#used.delete(name);
    this.#used.add(name);
    const [oldest] = this.#used;
    if (this.#used.size > MAX_NAMES && oldest !== undefined) this.#used.delete(oldest);
  }

  /** Where there are too many, those go that were never used, then those that were not used for longest. */
  #add(added: readonly RankedTool[], tools: readonly RankedTool[], max: number): void {
    const isThere = new Set(tools.map(({ name }) => name));
    const isNew = new Set(added.map(({ name }) => name));
    const names = [...new Set([...this.#names, ...isNew])];
    const present = names.filter((name) => isThere.has(name));
    const isPresent = new Set(present);
    // Used ones that have left already do not leave again, in the place of another.
    const used = [...this.#used].filter((name) => isPresent.has(name));
    const inOrder = [...present.filter((name) => !this.#used.has(name)), ...used];
    const leaving = inOrder.filter((name) => !isNew.has(name));
    const left = new Set(leaving.slice(0, Math.max(0, present.length - max)));
    this.#names = names.filter((name) => !left.has(name)).slice(-MAX_NAMES);
  }
}

const shareOf = (max: number): number => Math.max(1, Math.floor(max / SHARE));
