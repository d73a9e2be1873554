/** What serves the catalogue's requests: finds the upstream that each is about, and has it served there. */
import { INTERACTIVE, META, metaOf } from '../../protocol/eras.ts';
import type { Era } from '../../protocol/eras.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject, textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject, RpcNotification } from '../../protocol/jsonrpc.ts';
import type { ParamHeader } from '../../protocol/param-headers.ts';
import { capabilitiesOf } from '../../protocol/translate.ts';
import { omit } from '../../util/omit.ts';
import type { Exchange, Member, Outcome } from '../exchange.ts';
import { SubExchange } from '../sub-exchange.ts';
import { LISTS, targetOf, unknownName } from '../view.ts';
import type { Target } from '../view.ts';
import { MergedListen } from './listen.ts';
import { discovered, mergedPage } from './lists.ts';
import type { Destination } from './names.ts';
import { readNames } from './owners.ts';
import type { CatalogueSlot } from './slot.ts';

/** How servers say that they have no such resource, in both eras, or none at all. */
const NOT_THERE: ReadonlySet<number> = new Set([-32002, -32602, -32601]);

const TASKS = 'io.modelcontextprotocol/tasks';

export class CatalogueMember implements Member {
  readonly era: Era;
  readonly version: string;
  /** The answer to a legacy client's `initialize`, when the slot has it. */
  hello: JsonObject = {};
  readonly inFlight: number = 0;
  readonly #slot: CatalogueSlot;
  /** The upstream that watches a resource for a legacy session. */
  readonly #watching: Map<string, string> = new Map();

  constructor(slot: CatalogueSlot) {
    this.#slot = slot;
    this.era = slot.scope.era;
    this.version = slot.scope.version;
  }

  open(exchange: Exchange): void {
    const { method, params } = exchange;
    const target = targetOf(method, params);
    if (target !== undefined) {
      if (typeof target.name !== 'string') exchange.settle({ error: unknownName(target).toRpc() });
      else if (target.kind === 'resources') this.#run(exchange, () => this.#openResource(exchange, target));
      else this.#openNamed(exchange, target);
    } else if (LISTS.has(method)) {
      this.#run(exchange, async () => exchange.settle(await mergedPage(this.#slot, exchange)));
    } else if (method === 'server/discover' && this.era === 'modern') {
      this.#run(exchange, async () => exchange.settle(await discovered(this.#slot, exchange)));
    } else if (method === 'subscriptions/listen' && this.era === 'modern') {
      this.#run(exchange, () => new MergedListen(this.#slot, exchange).start());
    } else if (method === 'logging/setLevel') {
      this.#run(exchange, async () => exchange.settle(await this.#setLevel(exchange)));
    } else {
      const detail = `${method} does not say which server it is for; send it to one of ${this.#slot.names.map((name) => `/mcp/${name}`).join(', ')}`;
      exchange.settle({ error: new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail }).toRpc() });
    }
  }

  cancel(exchange: Exchange, reason?: string): void {
    this.#slot.cancel(exchange, reason);
  }

  async paramHeaders(tool: string): Promise<readonly ParamHeader[]> {
    const { catalogue, scope } = this.#slot;
    const destination = catalogue.names.find(tool);
    if (destination === undefined) return [];
    const member = await this.#slot.slotOf(destination.upstream, scope).member();
    return member.paramHeaders(destination.name);
  }

  async isReadOnly(tool: string): Promise<boolean> {
    const { catalogue, scope } = this.#slot;
    const destination = catalogue.names.find(tool);
    if (destination === undefined) return false;
    const member = await this.#slot.slotOf(destination.upstream, scope).member();
    return member.isReadOnly(destination.name);
  }

  notify(notification: RpcNotification): void {
    this.#slot.notify(notification);
  }

  join(): void {
    // Its callers have joined the members behind it.
  }

  leave(): void {
    // See join.
  }

  close(): void {
    this.#slot.close();
  }

  #run(exchange: Exchange, work: () => Promise<void>): void {
    exchange.run(work);
  }

  #openNamed(exchange: Exchange, target: Target): void {
    const destination = this.#slot.catalogue.names.find(textOf(target.name));
    const isThere = destination !== undefined && this.#slot.names.includes(destination.upstream);
    if (!isThere) exchange.settle({ error: unknownName(target).toRpc() });
    else if (destination.maybeCut) this.#run(exchange, () => this.#openCut(exchange, target, destination));
    else this.#pass(exchange, target, destination);
  }

  /** A name that looks cut and was not listed since Switchboard started: reading the list tells what it was. */
  async #openCut(exchange: Exchange, target: Target, destination: Destination): Promise<void> {
    const { names } = this.#slot.catalogue;
    const { upstream } = destination;
    for (const name of await readNames(this.#slot, exchange, upstream, `${target.kind}/list`)) {
      if (names.expose(upstream, name) === target.name) {
        this.#pass(exchange, target, { ...destination, name });
        return;
      }
    }
    this.#pass(exchange, target, destination);
  }

  #pass(exchange: Exchange, { at }: Target, { upstream, name }: Destination): void {
    const { params } = exchange;
    const ref = isObject(params?.['ref']) ? params['ref'] : {};
    const renamed = at === 'ref' ? { ...params, ref: { ...ref, name } } : { ...params, name };
    this.#slot.serve(upstream, new SubExchange(exchange, { params: withoutTasks(renamed) }));
  }

  async #openResource(exchange: Exchange, target: Target): Promise<void> {
    const { method, params } = exchange;
    const uri = textOf(target.name);
    const watching = method === 'resources/unsubscribe' ? this.#watching.get(uri) : undefined;
    const returned = this.#returned(exchange, uri);
    if (watching !== undefined) this.#try(exchange, uri, [watching], params);
    else if (returned !== undefined) this.#try(exchange, uri, [returned.upstream], returned.params);
    else {
      const owners = await this.#slot.catalogue.owners.find(this.#slot, exchange, uri);
      if (owners.length > 0) this.#try(exchange, uri, owners, params);
      else exchange.settle({ error: unknownName(target).toRpc() });
    }
  }

  /** Has the first upstream that has the resource serve the exchange; where none has it, the likeliest one's word counts. */
  #try(
    exchange: Exchange,
    uri: string,
    [name, ...others]: readonly string[],
    params: JsonObject | undefined,
    refusal?: Outcome,
  ): void {
    const upstream = name!;
    const sub: SubExchange = new SubExchange(exchange, {
      params,
      settle: (outcome) => {
        const isThere = !('error' in outcome) || !NOT_THERE.has(outcome.error.code);
        if (!isThere) {
          this.#slot.forget(sub);
          if (others.length > 0) this.#try(exchange, uri, others, params, refusal ?? outcome);
          else exchange.settle(refusal ?? outcome);
          return;
        }
        if (exchange.method === 'resources/unsubscribe') this.#watching.delete(uri);
        else if (exchange.method === 'resources/subscribe' && !('error' in outcome)) this.#watching.set(uri, upstream);
        const isSure = others.length === 0 && refusal === undefined;
        exchange.settle(isSure ? outcome : this.#marked(exchange, uri, upstream, outcome));
      },
    });
    this.#slot.serve(upstream, sub);
  }

  /** A question's state goes back to the upstream that asked, and to no other that might have the resource too. */
  #marked(exchange: Exchange, uri: string, upstream: string, outcome: Outcome): Outcome {
    if (exchange.scope.era === 'legacy' || !INTERACTIVE.has(exchange.method) || 'error' in outcome) return outcome;
    const { result } = outcome;
    if (result['resultType'] !== 'input_required') return outcome;
    // A server that keeps no state gives none, and must be shown none.
    const { requestState: own } = result;
    const sealed = [upstream, ...(own === undefined ? [] : [own])];
    const requestState = this.#slot.catalogue.seal.close(purposeOf(exchange, uri), sealed);
    return { result: { ...result, requestState } };
  }

  /** The upstream and the params of a request that comes back with such a state. */
  #returned(exchange: Exchange, uri: string): { upstream: string; params: JsonObject } | undefined {
    const { params } = exchange;
    const shown = params?.['requestState'];
    const opened =
      typeof shown === 'string' ? this.#slot.catalogue.seal.open(purposeOf(exchange, uri), shown) : undefined;
    if (opened === undefined) return undefined;
    const [upstream, ...own] = opened as [string, unknown?];
    const [requestState] = own;
    const rest = omit(params ?? {}, 'requestState');
    return { upstream, params: own.length > 0 ? { ...rest, requestState } : rest };
  }

  /** Every upstream that logs is told the level; an error only when all refuse it. */
  async #setLevel(exchange: Exchange): Promise<Outcome> {
    const { names, scope } = this.#slot;
    const outcomes = await Promise.all(
      names.map(async (name) => {
        const member = await this.#slot.ready(name, scope);
        if (member === undefined || capabilitiesOf(member.hello)['logging'] === undefined) return undefined;
        return this.#slot.ask(name, exchange, exchange.method, exchange.params ?? {});
      }),
    );
    const asked = outcomes.filter((outcome) => outcome !== undefined);
    return asked.length > 0 && asked.every((outcome) => 'error' in outcome) ? asked[0]! : { result: {} };
  }
}

/** A task is asked after by an id that does not say whose it is, so no server is told that it may answer with one. */
function withoutTasks(params: JsonObject): JsonObject {
  const meta = metaOf(params);
  const capabilities = meta?.[META.clientCapabilities];
  const extensions = isObject(capabilities) ? capabilities['extensions'] : undefined;
  if (!isObject(capabilities) || !isObject(extensions) || !Object.hasOwn(extensions, TASKS)) return params;
  const without = { ...capabilities, extensions: omit(extensions, TASKS) };
  return { ...params, _meta: { ...meta, [META.clientCapabilities]: without } };
}

const purposeOf = ({ method, scope }: Exchange, uri: string): string[] => ['state', scope.principal, method, uri];
