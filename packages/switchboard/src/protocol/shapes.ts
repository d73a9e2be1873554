/**
 * The one place where the fields of MCP messages that Switchboard looks into are seen to have their types, for both sides and both eras.
 * It is asked once, where a message comes in, and what comes after it relies on it. What Switchboard does not look into is not checked,
 * and crosses as it is.
 */
import { META } from './eras.ts';
import { SwitchboardError } from './errors.ts';
import { isObject } from './jsonrpc.ts';
import type { JsonObject, Message, RpcNotification, RpcRequest } from './jsonrpc.ts';
import { shown } from './shown.ts';

/** `strings` is a list of strings, `id` what an id or a progress token may be. */
type Type = 'string' | 'object' | 'strings' | 'id';

interface Field {
  readonly path: readonly string[];
  readonly type: Type;
  /** Whether it must be there. Otherwise `null` is as good as nothing. */
  readonly required: boolean;
}

type Shapes = ReadonlyMap<string, readonly Field[]>;

const NAMES: Readonly<Record<Type, string>> = {
  string: 'a string',
  object: 'an object',
  strings: 'a list of strings',
  id: 'a string or a number',
};

/** Written as `a.b: type`, with `!` for what must be there. */
const shapes = (table: Readonly<Record<string, readonly string[]>>): Shapes =>
  new Map(Object.entries(table).map(([method, fields]) => [method, fields.map(fieldOf)]));

function fieldOf(text: string): Field {
  const [path = '', type = ''] = text.split(': ');
  return { path: path.split('.'), type: type.replace('!', '') as Type, required: type.endsWith('!') };
}

/** Requests of clients. A name that is missing is the server's to refuse. */
const CLIENT_REQUESTS: Shapes = shapes({
  initialize: ['protocolVersion: string', 'capabilities: object', 'clientInfo: object'],
  'logging/setLevel': ['level: string'],
  'tools/call': ['name: string'],
  'prompts/get': ['name: string'],
  'resources/read': ['uri: string'],
  'resources/subscribe': ['uri: string'],
  'resources/unsubscribe': ['uri: string'],
  'resources/directory/read': ['uri: string'],
  'skills/get': ['uri: string'],
  'completion/complete': ['ref: object', 'ref.type: string', 'ref.name: string', 'ref.uri: string'],
  'subscriptions/listen': [
    'notifications: object!',
    'notifications.resourceSubscriptions: strings',
    'notifications.taskIds: strings',
  ],
  'tasks/get': ['taskId: string'],
  'tasks/update': ['taskId: string'],
  'tasks/result': ['taskId: string'],
  'tasks/cancel': ['taskId: string'],
});

const CLIENT_NOTIFICATIONS: Shapes = shapes({
  'notifications/cancelled': ['requestId: id!', 'reason: string'],
  'notifications/progress': ['progressToken: id!'],
});

const SERVER_NOTIFICATIONS: Shapes = shapes({
  'notifications/progress': ['progressToken: id!'],
  'notifications/message': ['level: string'],
  'notifications/resources/updated': ['uri: string!'],
  'notifications/cancelled': ['requestId: id!', 'reason: string'],
  'notifications/subscriptions/acknowledged': [
    'notifications: object',
    'notifications.resourceSubscriptions: strings',
    'notifications.taskIds: strings',
  ],
});

/** What every message may have. */
const META_FIELDS: readonly Field[] = ['_meta: object', '_meta.progressToken: id'].map(fieldOf);
const SUBSCRIPTION_ID: Field = { path: ['_meta', META.subscriptionId], type: 'id', required: false };
const SERVER_META_FIELDS: readonly Field[] = [...META_FIELDS, SUBSCRIPTION_ID];

/** The lists of results, and what each of their entries goes by. */
const LISTS: ReadonlyMap<string, { items: string; name: string }> = new Map([
  ['tools/list', { items: 'tools', name: 'name' }],
  ['prompts/list', { items: 'prompts', name: 'name' }],
  ['resources/list', { items: 'resources', name: 'uri' }],
  ['resources/templates/list', { items: 'resourceTemplates', name: 'uriTemplate' }],
  ['resources/directory/read', { items: 'resources', name: 'uri' }],
  ['skills/list', { items: 'skills', name: 'uri' }],
]);

const NOTIFICATION = 'notifications/';

/**
 * Checks a request or notification of a client; its answers are checked where they are read.
 *
 * @throws {SwitchboardError} `SWB_INVALID_PARAMS` that names the field and its value, `SWB_INVALID_MESSAGE` for a request without an id
 * and a notification with one.
 */
export function checkFromClient(message: Message): void {
  if (!('method' in message)) return;
  const { method, params } = message;
  const isRequest = 'id' in message;
  const kind = kindFault(method, isRequest);
  if (kind !== undefined) throw new SwitchboardError('SWB_INVALID_MESSAGE', { detail: kind });
  const fault =
    faultIn((isRequest ? CLIENT_REQUESTS : CLIENT_NOTIFICATIONS).get(method), params) ??
    (params?.['_meta'] === undefined ? undefined : faultIn(META_FIELDS, params));
  if (fault !== undefined) throw new SwitchboardError('SWB_INVALID_PARAMS', { detail: fault });
}

/** What is wrong with a request or notification of a server, in words; nothing when it can be looked into. */
export function faultFromServer(message: RpcRequest | RpcNotification): string | undefined {
  const { method, params } = message;
  const isRequest = 'id' in message;
  return (
    kindFault(method, isRequest) ??
    (isRequest ? undefined : faultIn(SERVER_NOTIFICATIONS.get(method), params)) ??
    (params?.['_meta'] === undefined ? undefined : faultIn(SERVER_META_FIELDS, params))
  );
}

/** Whether the result of a request with this method is looked into however large it is. */
export const isList = (method: string): boolean => LISTS.has(method);

/** A server's result as it can be looked into, and what had to be left out of it. */
export interface ReadResult {
  result: JsonObject;
  leftOut?: string;
}

/**
 * Checks a server's result. An entry of a list that does not say what it goes by is left out, so that it does not take the others with
 * it.
 *
 * @throws {SwitchboardError} `SWB_UPSTREAM_INVALID` when it asks for input in a way that cannot be read.
 */
export function readResult(method: string, result: JsonObject): ReadResult {
  const list = LISTS.get(method);
  if (list !== undefined) return readList(result, list.items, list.name);
  if (result['inputRequests'] !== undefined) checkQuestions(result['inputRequests']);
  return { result };
}

function readList(result: JsonObject, items: string, name: string): ReadResult {
  const entries = result[items];
  if (!Array.isArray(entries)) return { result };
  const isReadable = (entry: unknown): boolean => isObject(entry) && typeof entry[name] === 'string';
  const at = entries.findIndex((entry) => !isReadable(entry));
  if (at === -1) return { result };
  const entry: unknown = entries[at];
  const what = isObject(entry)
    ? `${items}[${at}].${name} is ${shown(entry[name])}`
    : `${items}[${at}] is ${shown(entry)}`;
  return { result: { ...result, [items]: entries.filter(isReadable) }, leftOut: what };
}

/** The questions of a modern server (MCP 2026-07-28, "Multi round-trip requests"). */
function checkQuestions(questions: unknown): void {
  const fault = faultOfQuestions(questions);
  if (fault !== undefined) throw new SwitchboardError('SWB_UPSTREAM_INVALID', { detail: fault });
}

function faultOfQuestions(questions: unknown): string | undefined {
  if (questions === null) return undefined;
  if (!isObject(questions)) return `inputRequests is ${shown(questions)}, expected an object`;
  for (const [key, question] of Object.entries(questions)) {
    const at = `inputRequests[${shown(key)}]`;
    if (!isObject(question)) return `${at} is ${shown(question)}, expected an object`;
    const { method, params } = question;
    if (typeof method !== 'string') return `${at}.method is ${shown(method)}, expected a string`;
    if (params === null) delete question['params'];
    else if (params !== undefined && !isObject(params)) return `${at}.params is ${shown(params)}, expected an object`;
  }
  return undefined;
}

/** A peer that looks at methods alone would take one for the other. */
function kindFault(method: string, isRequest: boolean): string | undefined {
  const isNamedNotification = method.startsWith(NOTIFICATION);
  if (isRequest && isNamedNotification) return `${shown(method)} is a notification, and has no id`;
  if (!isRequest && !isNamedNotification) return `${shown(method)} is a request, and needs an id`;
  return undefined;
}

function faultIn(fields: readonly Field[] | undefined, params: JsonObject | undefined): string | undefined {
  if (fields === undefined) return undefined;
  for (const { path, type, required } of fields) {
    let value: unknown = params;
    for (const key of path) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    if ((value === undefined || value === null) && !required) continue;
    if (!IS[type](value)) return `params.${path.join('.')} is ${shown(value)}, expected ${NAMES[type]}`;
  }
  return undefined;
}

const isText = (value: unknown): boolean => typeof value === 'string';

const IS: Readonly<Record<Type, (value: unknown) => boolean>> = {
  string: isText,
  object: isObject,
  strings: (value) => Array.isArray(value) && value.every(isText),
  id: (value) => isText(value) || Number.isFinite(value),
};
