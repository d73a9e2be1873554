/** What serves the catalogue's requests: finds the upstream that each is about, and has it served there. */
import { INTERACTIVE } from '../../protocol/eras.ts';
import type { Era } from '../../protocol/eras.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject, textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject, RpcNotification } from '../../protocol/jsonrpc.ts';
import type { ParamHeader } from '../../protocol/param-headers.ts';
import { shown } from '../../protocol/shown.ts';
import { capabilitiesOf } from '../../protocol/translate.ts';
import { omit } from '../../util/omit.ts';
import type { Exchange, Member, Outcome } from '../exchange.ts';
import { SubExchange } from '../sub-exchange.ts';
import { targetOf, unknownName } from '../view.ts';
import type { Target } from '../view.ts';
import { MergedSubscription } from './merged-subscription.ts';
import type { LinkPlace } from './links.ts';
import { discovered, isMerged, mergedPage } from './lists.ts';
import type { Destination } from './names.ts';
import { Outward } from './outward.ts';
import { readNames } from './owners.ts';
import type { Reach } from './reach.ts';

/** Extensions whose requests all name their server, or are merged. */
const KNOWN: ReadonlySet<string> = new Set([
  'io.modelcontextprotocol/ui',
  'io.modelcontextprotocol/skills',
  'io.modelcontextprotocol/tasks',
]);

/** How servers say that they have no such resource, in both eras, or none at all. */
const NOT_THERE: ReadonlySet<number> = new Set([-32002, -32602, -32601]);

export class CatalogueMember implements Member {
  readonly era: Era;
  readonly version: string;
  /** The answer to a legacy client's `initialize`, when the slot has it. */
  handshakeResult: JsonObject = {};
  readonly inFlight: number = 0;
  readonly #slot: Reach;
  /** Where a resource is watched for a legacy session, by the URI that the session knows. */
  readonly #watching: Map<string, LinkPlace> = new Map();

  constructor(slot: Reach) {
    this.#slot = slot;
    this.era = slot.scope.era;
    this.version = slot.scope.version;
  }

  open(exchange: Exchange): void {
    const { method, params } = exchange;
    const target = targetOf(method, params);
    const taskId = method.startsWith('tasks/') ? params?.['taskId'] : undefined;
    if (target !== undefined) {
      if (typeof target.name !== 'string') exchange.settle({ error: unknownName(target).toRpc() });
      else if (target.kind === 'resources') exchange.run(() => this.#openResource(exchange, target));
      else this.#openNamed(exchange, target);
    } else if (taskId !== undefined) {
      this.#openTask(exchange, taskId);
    } else if (isMerged(method)) {
      exchange.run(async () => exchange.settle(await mergedPage(this.#slot, exchange)));
    } else if (method === 'server/discover' && this.era === 'modern') {
      exchange.run(async () => exchange.settle(await discovered(this.#slot, exchange)));
    } else if (method === 'subscriptions/listen' && this.era === 'modern') {
      exchange.run(() => new MergedSubscription(this.#slot, exchange).start());
    } else if (method === 'logging/setLevel') {
      exchange.run(async () => exchange.settle(await this.#setLevel(exchange)));
    } else {
      exchange.run(() => this.#openUnknown(exchange));
    }
  }

  cancel(exchange: Exchange, reason?: string): void {
    this.#slot.cancel(exchange, reason);
  }

  handshakeResultFor(): JsonObject {
    return this.handshakeResult;
  }

  async paramHeaders(tool: string): Promise<readonly ParamHeader[]> {
    const owner = await this.#ownerOf(tool);
    return owner === undefined ? [] : owner.member.paramHeaders(owner.name);
  }

  async isReadOnly(tool: string): Promise<boolean> {
    const owner = await this.#ownerOf(tool);
    return owner !== undefined && owner.member.isReadOnly(owner.name);
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

  /** A member that would serve a call of a tool, and how the tool is called there; nothing where no upstream has the name. */
  async #ownerOf(tool: string): Promise<{ member: Member; name: string } | undefined> {
    const { catalogue, scope } = this.#slot;
    const { upstream, name } = catalogue.names.find(tool) ?? {};
    if (upstream === undefined || name === undefined) return undefined;
    const slot = this.#slot.slotOf(upstream, scope);
    return { member: await slot.member({ method: 'tools/call', params: undefined }), name };
  }

  #openNamed(exchange: Exchange, target: Target): void {
    const destination = this.#slot.catalogue.names.find(textOf(target.name));
    const isThere = destination !== undefined && this.#slot.names.includes(destination.upstream);
    if (!isThere) exchange.run(() => this.#openBare(exchange, target));
    else if (destination.maybeCut) exchange.run(() => this.#openCut(exchange, target, destination));
    else this.#pass(exchange, target, destination);
  }

  /** A tool by the name that its server gave it, as pages of that server call it. */
  async #openBare(exchange: Exchange, target: Target): Promise<void> {
    const name = textOf(target.name);
    const upstream =
      target.kind === 'tools' ? await this.#slot.catalogue.apps.ownerOf(this.#slot, exchange, name) : undefined;
    if (upstream === undefined) exchange.settle({ error: unknownName(target).toRpc() });
    else this.#pass(exchange, target, { upstream, name, maybeCut: false });
  }

  /** A task's requests go where it was begun. */
  #openTask(exchange: Exchange, given: unknown): void {
    const { taskIds } = this.#slot.catalogue;
    const place = taskIds.open(exchange.scope.principal, given);
    if (place === undefined || !this.#slot.names.includes(place.upstream)) {
      const detail = `taskId ${shown(given)} is not one that you were given here since Switchboard was started`;
      exchange.settle({ error: new SwitchboardError('SWB_INVALID_PARAMS', { detail }).toRpc() });
      return;
    }
    const { upstream, taskId } = place;
    this.#serve(exchange, upstream, { ...exchange.params, taskId });
  }

  /**
   * A method that MCP does not have. Where its params name a tool or a resource, it goes there; otherwise to the only server that can
   * do something which Switchboard does not know.
   */
  async #openUnknown(exchange: Exchange): Promise<void> {
    const { method, params } = exchange;
    const { names, catalogue, scope } = this.#slot;
    const { name, uri } = params ?? {};
    const destination = typeof name === 'string' ? catalogue.names.find(name) : undefined;
    if (typeof uri === 'string') {
      await this.#openResource(exchange, { kind: 'resources', name: uri, at: 'uri' });
    } else if (destination !== undefined && names.includes(destination.upstream)) {
      this.#pass(exchange, { kind: 'tools', name, at: 'name' }, destination);
    } else {
      const members = await Promise.all(
        names.map(async (each) => [each, await this.#slot.ready(each, scope)] as const),
      );
      const able = members.flatMap(([each, member]) => (member && hasUnknown(member.handshakeResult) ? [each] : []));
      if (able.length === 1) this.#serve(exchange, able[0]!, params);
      else {
        const detail = `${method} does not say which server it is for; send it to one of ${names.map((each) => `/mcp/${each}`).join(', ')}`;
        exchange.settle({ error: new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail }).toRpc() });
      }
    }
  }

  /** Has an upstream serve the exchange. */
  #serve(exchange: Exchange, upstream: string, params: JsonObject | undefined): void {
    const { method, scope } = exchange;
    const outward = new Outward(this.#slot.catalogue, upstream, scope.principal);
    exchange.reached = { upstream, params };
    const sub = new SubExchange(exchange, {
      params,
      settle: (outcome) => exchange.settle(outward.outcome(method, outcome)),
      notify: (note) => exchange.notify(outward.notification(note)),
    });
    this.#slot.serve(upstream, sub);
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
    this.#serve(exchange, upstream, at === 'ref' ? { ...params, ref: { ...ref, name } } : { ...params, name });
  }

  async #openResource(exchange: Exchange, target: Target): Promise<void> {
    const { method, params } = exchange;
    const uri = textOf(target.name);
    const watching = method === 'resources/unsubscribe' ? this.#watching.get(uri) : undefined;
    const returned = this.#returned(exchange, uri);
    const place = watching ?? (await this.#slot.placeOf(uri, exchange));
    if (place !== undefined)
      this.#try(exchange, target, [place.upstream], withUri(returned?.params ?? params, target, place.uri));
    else if (returned !== undefined) this.#try(exchange, target, [returned.upstream], returned.params);
    else {
      const owners = await this.#slot.catalogue.owners.find(this.#slot, exchange, uri);
      if (owners.length > 0) this.#try(exchange, target, owners, params);
      else exchange.settle({ error: unknownName(target).toRpc() });
    }
  }

  /** Has the first upstream that has the resource serve the exchange; where none has it, the likeliest one's word counts. */
  #try(
    exchange: Exchange,
    target: Target,
    [name, ...others]: readonly string[],
    params: JsonObject | undefined,
    refusal?: Outcome,
  ): void {
    const { method, scope } = exchange;
    const uri = textOf(target.name);
    const upstream = name!;
    const outward = new Outward(this.#slot.catalogue, upstream, scope.principal);
    exchange.reached = { upstream, params };
    const sub: SubExchange = new SubExchange(exchange, {
      params,
      notify: (note) => exchange.notify(outward.notification(note)),
      settle: (answer) => {
        const own = textOf(sub.params?.['uri']);
        const outcome = outward.outcome(method, answer, { own, shown: uri });
        const isThere = !('error' in outcome) || !NOT_THERE.has(outcome.error.code);
        if (!isThere) {
          this.#slot.forget(sub);
          if (others.length > 0) this.#try(exchange, target, others, params, refusal ?? outcome);
          else exchange.settle(refusal ?? outcome);
          return;
        }
        if (method === 'resources/unsubscribe') this.#watching.delete(uri);
        else if ('result' in outcome && method === 'resources/subscribe')
          this.#watching.set(uri, { upstream, uri: own });
        else if ('result' in outcome && method === 'resources/read' && own.startsWith('ui://')) {
          this.#slot.catalogue.apps.hasRead(scope, upstream);
        }
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
        if (member === undefined || capabilitiesOf(member.handshakeResult)['logging'] === undefined) return undefined;
        return this.#slot.ask(name, exchange, exchange.method, exchange.params ?? {});
      }),
    );
    const asked = outcomes.filter((outcome) => outcome !== undefined);
    return asked.length > 0 && asked.every((outcome) => 'error' in outcome) ? asked[0]! : { result: {} };
  }
}

/** The params of a request about a resource, with its URI as the server writes it. */
function withUri(params: JsonObject | undefined, { at }: Target, uri: string): JsonObject {
  if (at !== 'ref') return { ...params, uri };
  return { ...params, ref: { ...(isObject(params?.['ref']) ? params['ref'] : {}), uri } };
}

/** Whether a server can do something that MCP and the extensions known here do not have. */
function hasUnknown(handshakeResult: JsonObject): boolean {
  const { extensions, experimental } = capabilitiesOf(handshakeResult);
  const names = [extensions, experimental].flatMap((each) => (isObject(each) ? Object.keys(each) : []));
  return names.some((name) => !KNOWN.has(name));
}

const purposeOf = ({ method, scope }: Exchange, uri: string): string[] => ['state', scope.principal, method, uri];
