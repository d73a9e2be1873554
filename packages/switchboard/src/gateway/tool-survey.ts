/** The tools of all servers as an operator looks at them: who sees which, and why not. What servers define is kept for a while. */
import type { GatewayEvent } from '../observe/events.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { textOf } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { DEFAULT_ROLE } from '../router/roles.ts';
import type { RoleRules, Roles } from '../router/roles.ts';
import { viewOfRules } from '../router/view.ts';
import { whyHidden } from '../router/why-hidden.ts';
import type { Pool } from '../upstreams/pool.ts';
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
  /** The roles of a principal that is connected; undefined where it is not. */
  rolesOf(principal: string): readonly string[] | undefined;
  now?: () => number;
}

/** How long what a server defined is used without asking it again, and how long it is not asked again after it failed, in ms. */
const KEPT_MS = 300_000;
const FAILED_MS = 10_000;

const NOT_STARTED = 'to ask it would start it, which a viewer may not; its tools are here once an operator has looked';

type Asked = { at: number; tools: readonly JsonObject[] } | { at: number; reason: string };

export class ToolSurvey {
  readonly #options: ToolSurveyOptions;
  readonly #now: () => number;
  readonly #asked: Map<string, Promise<Asked>> = new Map();
  /** Servers that may define others now than is known. */
  readonly #changed: Set<string> = new Set();

  constructor(options: ToolSurveyOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** What changes a server makes what is known of it old. */
  readonly onEvent = (event: GatewayEvent): void => {
    if (event.type === 'reloaded') this.#asked.clear();
    else if (event.type === 'tools.changed' || event.type === 'member.ready') this.#changed.add(event.upstream);
  };

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
      const detail = `${JSON.stringify(principal)} is not connected now, so its roles are not known; choose a role`;
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
    const asking = this.#askNow(upstream);
    this.#asked.set(upstream, asking);
    const asked = await asking;
    // To ask may have started it, which is no reason to ask again.
    this.#changed.delete(upstream);
    return asked;
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
