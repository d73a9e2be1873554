/**
 * The tools of all servers as an operator looks at them: who sees which, why not, and what has changed in them. What servers define is
 * kept for a while.
 */
import { isDeepStrictEqual } from 'node:util';

import type { GatewayEvent } from '../observe/events.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { textOf } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { DEFAULT_ROLE } from '../router/roles.ts';
import type { RoleRules, Roles } from '../router/roles.ts';
import { viewOfRules } from '../router/view.ts';
import { whyHidden } from '../router/why-hidden.ts';
import type { Pool } from '../upstreams/pool.ts';
import { cut } from '../util/cut.ts';
import { didYouMean } from '../util/nearest.ts';
import type { UpstreamOptions } from './upstream-options.ts';

/** A tool as its server defines it. */
export interface SurveyedTool {
  upstream: string;
  name: string;
  title?: string;
  description: string;
  inputSchema: JsonObject;
  annotations?: JsonObject;
  /** Why callers do not get it; absent where they do. */
  hidden?: string;
}

export interface Survey {
  /** The roles of the configuration. */
  roles: readonly string[];
  tools: SurveyedTool[];
  /** Servers that could not be asked, and why. */
  failed: { upstream: string; reason: string }[];
}

export interface ToolSurveyOptions {
  pools: ReadonlyMap<string, Pool>;
  configured(): Readonly<Record<string, UpstreamOptions>>;
  roles: Roles;
  /** The roles of a principal that is connected, has a request under way or has a key; undefined of others. */
  rolesOf(principal: string): readonly string[] | undefined;
  now?: () => number;
}

/** How long what a server defined is used without asking it again, and how long it is not asked again after it failed, in ms. */
const KEPT_MS = 300_000;
const FAILED_MS = 10_000;

const NOT_STARTED = 'to ask it would start it, which a viewer may not; its tools are here once an operator has looked';

/** What has changed in the tools of a server since they were looked at before. */
export interface ToolChange {
  /** When it was seen, in ms since 1970. */
  time: number;
  added: string[];
  removed: string[];
  changed: { tool: string; parts: ToolPart[] }[];
}

/** A part of a tool's definition, as JSON, a text as it is; empty where there was none, or is none any more. */
export interface ToolPart {
  part: string;
  before: string;
  after: string;
}

/** How many changes of each server are kept, how many tools of one are told, and how much of each part. */
const MAX_CHANGES = 10;
const MAX_TOLD = 50;
const MAX_PART = 4000;

type Asked = { at: number; tools: readonly JsonObject[] } | { at: number; reason: string };

export class ToolSurvey {
  readonly #options: ToolSurveyOptions;
  readonly #now: () => number;
  readonly #asked: Map<string, Promise<Asked>> = new Map();
  /** Servers that may define others now than is known. */
  readonly #changed: Set<string> = new Set();
  readonly #changes: Map<string, ToolChange[]> = new Map();

  constructor(options: ToolSurveyOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** What changes a server makes what is known of it old. */
  readonly onEvent = (event: GatewayEvent): void => {
    if (event.type === 'reloaded') {
      for (const name of [...event.changed, ...event.removed]) {
        this.#asked.delete(name);
        this.#changes.delete(name);
      }
    } else if (event.type === 'tools.changed' || event.type === 'member.ready') {
      this.#changed.add(event.upstream);
      // What has changed can only be told as long as it is known what there was: that is looked at now, where nothing has to be started.
      if (event.type === 'tools.changed' && this.#asked.has(event.upstream)) void this.#ask(event.upstream, false);
    }
  };

  /** What has changed in the tools of a server since somebody first looked at them, oldest first. From now on they are looked at. */
  async changesOf(upstream: string): Promise<readonly ToolChange[]> {
    await this.#ask(upstream, false);
    return this.#changes.get(upstream) ?? [];
  }

  /**
   * All tools, with what hides each from callers with this role, or from this principal; from nobody in particular without either.
   *
   * @param mayStart whether servers that do not run are started to be asked. Without it, what is known of them counts, however old.
   * @throws {SwitchboardError} `SWB_NOT_FOUND` for an unknown role, or a principal that is not connected.
   */
  async list(
    { role, principal }: { role?: string | undefined; principal?: string | undefined },
    mayStart: boolean,
  ): Promise<Survey> {
    const { pools, configured, roles } = this.#options;
    const own = roles.areSet ? this.#rulesOf(role, principal) : undefined;
    const survey: Survey = { roles: roles.names, tools: [], failed: [] };
    const names = [...pools.keys()];
    const all = await Promise.all(names.map((name) => this.#ask(name, mayStart)));
    for (const [nth, upstream] of names.entries()) {
      const asked = all[nth]!;
      if ('reason' in asked) {
        survey.failed.push({ upstream, reason: asked.reason });
        continue;
      }
      const options = configured()[upstream];
      const view = viewOfRules(options ?? {});
      for (const tool of asked.tools) {
        const hidden = whyHidden(tool, { upstream, rules: options?.tools, roles: own });
        survey.tools.push(surveyed(upstream, tool, view?.description(textOf(tool['name'])), hidden));
      }
    }
    return survey;
  }

  /** The rules of a role, or of those of a principal; of all roles together where nobody is named. */
  #rulesOf(role: string | undefined, principal: string | undefined): ReadonlyMap<string, RoleRules> {
    const { rules, names } = this.#options.roles;
    if (role !== undefined && !rules.has(role)) {
      const detail = `there is no role ${JSON.stringify(role)}.${didYouMean(role, names)}`;
      throw new SwitchboardError('SWB_NOT_FOUND', { detail });
    }
    const held = role !== undefined ? [role] : principal === undefined ? names : this.#options.rolesOf(principal);
    if (held === undefined) {
      const detail = `${JSON.stringify(principal)} is not connected now and has no key, so its roles are not known; choose a role`;
      throw new SwitchboardError('SWB_NOT_FOUND', { detail });
    }
    const own = held.filter((name) => rules.has(name));
    const effective = own.length > 0 ? own : [DEFAULT_ROLE].filter((name) => rules.has(name));
    return new Map(effective.map((name) => [name, rules.get(name)!]));
  }

  async #ask(upstream: string, mayStart: boolean): Promise<Asked> {
    const known = this.#asked.get(upstream);
    const mayAsk = mayStart || this.#options.pools.get(upstream)?.isAtHand === true;
    if (known !== undefined) {
      const asked = await known;
      const isFresh = this.#now() - asked.at < ('reason' in asked ? FAILED_MS : KEPT_MS);
      if (!mayAsk || (isFresh && !this.#changed.has(upstream))) return asked;
    }
    if (!mayAsk) return { at: this.#now(), reason: NOT_STARTED };
    this.#changed.delete(upstream);
    const before = await known;
    const asking = this.#askNow(upstream);
    this.#asked.set(upstream, asking);
    const asked = await asking;
    // To ask may have started it, which is no reason to ask again.
    this.#changed.delete(upstream);
    if (before !== undefined && 'tools' in before && 'tools' in asked) this.#compare(upstream, before.tools, asked);
    return asked;
  }

  #compare(
    upstream: string,
    before: readonly JsonObject[],
    { at, tools }: Asked & { tools: readonly JsonObject[] },
  ): void {
    const change = toolChangeOf(before, tools, at);
    if (change === undefined) return;
    const kept = [...(this.#changes.get(upstream) ?? []), change];
    this.#changes.set(upstream, kept.slice(-MAX_CHANGES));
  }

  async #askNow(upstream: string): Promise<Asked> {
    try {
      const tools = (await this.#options.pools.get(upstream)?.tools()) ?? [];
      return { at: this.#now(), tools };
    } catch (thrown) {
      return { at: this.#now(), reason: asSwitchboardError(thrown).message };
    }
  }
}

function surveyed(
  upstream: string,
  tool: JsonObject,
  described: string | undefined,
  hidden: string | undefined,
): SurveyedTool {
  const { title, description, inputSchema, annotations } = tool;
  const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null;
  return {
    upstream,
    name: textOf(tool['name']),
    ...(typeof title === 'string' && { title }),
    description: described ?? textOf(description),
    inputSchema: isObject(inputSchema) ? inputSchema : {},
    ...(isObject(annotations) && { annotations }),
    ...(hidden !== undefined && { hidden }),
  };
}

/** What differs between two lists of a server's tools; undefined where nothing does. */
export function toolChangeOf(
  before: readonly JsonObject[],
  after: readonly JsonObject[],
  time: number,
): ToolChange | undefined {
  const byName = (tools: readonly JsonObject[]): Map<string, JsonObject> =>
    new Map(tools.map((tool) => [textOf(tool['name']), tool]));
  const [old, now] = [byName(before), byName(after)];
  const added = [...now.keys()].filter((name) => !old.has(name));
  const removed = [...old.keys()].filter((name) => !now.has(name));
  const changed = [...now].flatMap(([tool, definition]) => {
    const former = old.get(tool);
    if (former === undefined || isDeepStrictEqual(former, definition)) return [];
    return [{ tool, parts: partsOf(former, definition) }];
  });
  if (added.length + removed.length + changed.length === 0) return undefined;
  return {
    time,
    added: added.slice(0, MAX_TOLD),
    removed: removed.slice(0, MAX_TOLD),
    changed: changed.slice(0, MAX_TOLD),
  };
}

function partsOf(before: JsonObject, after: JsonObject): ToolPart[] {
  const parts = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return parts
    .filter((part) => !isDeepStrictEqual(before[part], after[part]))
    .map((part) => ({ part: cut(part, 128), before: written(before[part]), after: written(after[part]) }));
}

const written = (value: unknown): string =>
  cut(typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value, undefined, 2), MAX_PART);
