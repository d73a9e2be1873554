/**
 * What must hold between every client and every server, as data: which sentence, where it comes from, and in which cells the
 * protocol makes it impossible. What is impossible must fail cleanly, which is tested too.
 */
import type { Era } from './peer.ts';

export type Isolation = 'session' | 'shared';

/** The cells with these properties; what is left out may be anything. */
export interface Impossible {
  client?: Era;
  server?: Era;
  isolation?: Isolation;
  reason: string;
}

export interface Requirement {
  /** The section of the specification, of both eras where nothing else is said. */
  source: string;
  behavior: string;
  impossible?: readonly Impossible[];
}

/** Questions of a server that was told `capabilities: {}`, because nobody could say whom they are meant for. */
const unattributable: Impossible = {
  server: 'legacy',
  isolation: 'shared',
  reason:
    'a legacy server that many share asks on a channel that names no request, so it is told that nobody can be asked',
};
const onlyLegacy = (reason: string): readonly Impossible[] => [
  { client: 'modern', reason },
  { server: 'modern', reason },
  unattributable,
];

export const REQUIREMENTS = {
  negotiation: {
    source: 'MCP 2026-07-28, Base Protocol, "Versioning"; MCP 2025-11-25, Lifecycle, "Version Negotiation"',
    behavior: 'the client ends up in the era that it asked for, and one that takes either in the modern one',
  },
  'server-identity': {
    source: 'MCP 2025-11-25, Lifecycle, "Initialization"; MCP 2026-07-28, Discovery',
    behavior: "the client learns the server's own name, instructions and capabilities",
  },
  'client-identity': {
    source: 'MCP 2025-11-25, Lifecycle, "Initialization"; MCP 2026-07-28, Base Protocol, "Request metadata"',
    behavior: 'the server learns who the client is and what it can do',
    impossible: [
      {
        server: 'legacy',
        isolation: 'shared',
        reason: 'a legacy server is introduced to one client in its life, and here it serves many',
      },
    ],
  },
  'tools-list': { source: 'MCP, Tools, "Listing Tools"', behavior: 'the tools are listed with their schemas' },
  'tools-call': { source: 'MCP, Tools, "Calling Tools"', behavior: 'a tool answers with what it was given' },
  'calls-at-once': {
    source: 'JSON-RPC 2.0, "Request object"',
    behavior: 'requests that run at the same time each get their own answer',
  },
  'request-meta': {
    source: 'MCP 2026-07-28, Base Protocol, "_meta"',
    behavior: "the client's own keys of _meta reach the server, and a legacy server sees no envelope",
  },
  structured: {
    source: 'MCP, Tools, "Structured Content"',
    behavior: 'structured output reaches the client as it is',
  },
  'structured-other': {
    source: 'MCP 2026-07-28, Tools, "Output Schema" (SEP-2106)',
    behavior:
      'structured output that is no object reaches a modern client as it is and a legacy client under the key result, as its schema says',
    impossible: [{ server: 'legacy', reason: 'structured output of the legacy era is always an object' }],
  },
  progress: {
    source: 'MCP, Utilities, "Progress"',
    behavior: 'every progress note arrives, in order, before the answer',
  },
  'progress-seen': {
    source: 'MCP, Utilities, "Progress"',
    behavior: "the SDK's client hands on every progress note, which it does only if the answer comes apart from them",
  },
  cancel: {
    source: 'MCP, Utilities, "Cancellation"',
    behavior: 'a cancelled request is cancelled at the server, and the next one is served',
  },
  'tool-error': {
    source: 'MCP, Tools, "Error Handling"',
    behavior: "a tool's failure is a result with isError, not a protocol error",
  },
  'unknown-tool': { source: 'MCP, Tools, "Error Handling"', behavior: 'a tool that does not exist is refused' },
  'unknown-method': {
    source: 'JSON-RPC 2.0, "Error object"',
    behavior: 'a method that does not exist is refused with -32601',
  },
  'error-data': {
    source: 'JSON-RPC 2.0, "Error object"',
    behavior: "a server's own error code, message and data arrive unchanged",
  },
  'resource-missing': {
    source: 'MCP 2025-11-25, Resources, "Error Handling"; MCP 2026-07-28, Resources, "Error Handling"',
    behavior: 'a resource that does not exist is refused with -32002 between legacy peers and with -32602 otherwise',
  },
  prompts: {
    source: 'MCP, Prompts, "Protocol Messages"',
    behavior: 'prompts are listed, and got with their arguments',
  },
  resources: { source: 'MCP, Resources, "Protocol Messages"', behavior: 'resources and templates are listed and read' },
  completion: {
    source: 'MCP, Utilities, "Completion"',
    behavior: 'arguments of prompts and of resource templates are completed',
  },
  'elicit-accept': {
    source: 'MCP, Client Features, "Elicitation"',
    behavior: 'a form reaches the person behind the client, and the filled form the server',
    impossible: [unattributable],
  },
  'elicit-decline': {
    source: 'MCP, Client Features, "Elicitation"',
    behavior: 'a form that is declined or dismissed is told to the server as such',
    impossible: [unattributable],
  },
  'elicit-url': {
    source: 'MCP, Client Features, "Elicitation", "URL Mode"',
    behavior:
      'a page to visit reaches the person behind the client, with an elicitationId where the client is a legacy one',
    impossible: [unattributable],
  },
  'elicit-url-error': {
    source: 'MCP 2025-11-25, Elicitation, "URL Elicitation Required Error"',
    behavior:
      'a call that needs a visit first is refused with -32042 to a legacy client; a modern one is asked, and the call made again',
    impossible: [{ server: 'modern', reason: 'the modern era has no such error (MCP 2026-07-28, Changelog)' }],
  },
  sampling: {
    source: 'MCP, Client Features, "Sampling"',
    behavior: "a server's sampling request is answered by the client",
    impossible: [unattributable],
  },
  roots: {
    source: 'MCP, Client Features, "Roots"',
    behavior: "a server gets the client's roots",
    impossible: [unattributable],
  },
  'questions-together': {
    source: 'MCP 2026-07-28, "Multi round-trip requests"',
    behavior: 'several questions at the same time each get their own answer',
    impossible: [unattributable],
  },
  'questions-in-turn': {
    source: 'MCP 2026-07-28, "Multi round-trip requests"',
    behavior: 'a second question may follow from the answer to the first',
    impossible: [unattributable],
  },
  'question-in-prompt': {
    source: 'MCP 2026-07-28, "Multi round-trip requests"',
    behavior: 'prompts/get may ask',
    impossible: [unattributable],
  },
  'question-in-resource': {
    source: 'MCP 2026-07-28, "Multi round-trip requests"',
    behavior: 'resources/read may ask',
    impossible: [unattributable],
  },
  'question-elsewhere': {
    source: 'MCP 2025-11-25, Transports; MCP 2026-07-28, "Multi round-trip requests"',
    behavior: 'any other request may ask',
    impossible: onlyLegacy('of modern requests only tools/call, prompts/get and resources/read may ask'),
  },
  'roots-changed': {
    source: 'MCP 2025-11-25, Roots, "Root List Changes"',
    behavior: 'the server is told that the roots have changed',
    impossible: onlyLegacy('the modern era has no notification from clients but notifications/cancelled'),
  },
  'log-level': {
    source: 'MCP, Utilities, "Logging"',
    behavior: 'log messages of the wanted level and above arrive, those below do not',
    impossible: [
      {
        isolation: 'shared',
        reason: 'a log message names no request, so it could be about anybody who has used the server',
      },
    ],
  },
  'log-silence': {
    source: 'MCP 2026-07-28, Logging, "Setting the level"',
    behavior: 'a client that wants no log messages gets none',
  },
  'resource-updated': {
    source: 'MCP 2025-11-25, Resources, "Subscriptions"; MCP 2026-07-28, "Subscriptions"',
    behavior: 'a watched resource that changes by itself is told to the client until it stops watching',
  },
  'updated-by-call': {
    source: 'MCP 2025-11-25, Resources, "Subscriptions"; MCP 2026-07-28, "Subscriptions"',
    behavior: 'a watched resource that a call changes is told to the client, another one is not',
  },
  'updated-unasked': {
    source: 'MCP 2026-07-28, "Subscriptions"',
    behavior: 'a client that watches no resource hears of none',
    impossible: [
      {
        client: 'legacy',
        server: 'legacy',
        isolation: 'session',
        reason: 'what a legacy server says to its only session is meant for it, asked for or not, and passes unchanged',
      },
    ],
  },
  'updated-at-once': {
    source: 'MCP 2025-11-25, Resources, "Subscriptions"; MCP 2026-07-28, "Subscriptions"',
    behavior: 'a change right behind the start of a subscription is not lost',
  },
  'list-changed': {
    source: 'MCP, "List Changed Notification" of Tools, Prompts and Resources',
    behavior: 'the client is told when the tools, the prompts and the resources change, and then lists the new ones',
  },
  extensions: {
    source: 'MCP 2026-07-28, Base Protocol, "Extension Negotiation"; MCP 2025-11-25, Schema, "ServerCapabilities"',
    behavior: 'what the server can do beside MCP is told to the client as it is',
  },
  app: {
    source: 'MCP Apps (SEP-1865), "UI Resource Format"',
    behavior: 'the page of a tool is read under the URI that the tool names',
  },
  'app-call': {
    source: 'MCP Apps (SEP-1865), "Communication Protocol"',
    behavior: "a page's call of a tool by the name that the server gave it reaches that server",
  },
  skills: {
    source: 'MCP Skills (SEP-2640)',
    behavior: 'skills are listed, got and read',
  },
  tasks: {
    source: 'MCP 2025-11-25, Tasks; MCP Tasks (SEP-2663)',
    behavior: 'a call becomes a task, which is asked after by its id until it is done',
    impossible: [
      { client: 'legacy', server: 'modern', reason: 'what the eras call tasks is not the same' },
      { client: 'modern', server: 'legacy', reason: 'what the eras call tasks is not the same' },
      {
        server: 'legacy',
        isolation: 'shared',
        reason: 'tasks of the legacy era belong to a session, and here nobody has one with the server',
      },
    ],
  },
  vocabulary: {
    source: 'MCP 2025-11-25, Schema; MCP 2026-07-28, Schema',
    behavior: 'no word of the other era has reached the client',
  },
  bystander: {
    source: 'MCP 2025-11-25, Security Best Practices, "Session Hijacking"',
    behavior: 'no question, log message, update or progress of this client has reached another one',
  },
  'nothing-left': {
    source: 'ARCHITECTURE.md',
    behavior: 'nothing is left of a client that is gone',
  },
} as const satisfies Record<string, Requirement>;

export type RequirementId = keyof typeof REQUIREMENTS;
export const IDS = Object.keys(REQUIREMENTS) as RequirementId[];
export const requirementOf = (id: RequirementId): Requirement => REQUIREMENTS[id];
