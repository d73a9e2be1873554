/**
 * The messages of the chat, as the page sends and reads them: subprotocol `chat.v2` of docs/reference/chat-protocol.md. Names are those
 * of the wire.
 */
import type { FormSchema } from '../common/fields.ts';

export const CHAT_V2 = 'chat.v2';

/** Why a call did not come to its end, where that is no failure of the tool. */
export type Ended = 'refused' | 'expired' | 'unasked' | 'changed' | 'stopped';

export type Stopped = 'done' | 'cancelled' | 'steps' | 'length' | 'failed';

export interface Usage {
  readonly input_tokens: number;
  readonly output_tokens: number;
}

export interface Image {
  readonly mime_type: string;
  /** Base64. */
  readonly data: string;
}

export interface PersonEntry {
  readonly kind: 'person';
  readonly seq: number;
  readonly at: string;
  readonly from: string;
  readonly text: string;
  readonly id?: string;
}

export interface ToolEntry {
  readonly kind: 'tool';
  readonly seq: number;
  readonly at: string;
  readonly turn: string;
  readonly call: string;
  readonly name: string;
  readonly server?: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly by: string;
  readonly is_error: boolean;
  readonly ended?: Ended;
  readonly text: string;
  readonly images?: readonly Image[];
  readonly truncated: boolean;
}

export interface ModelEntry {
  readonly kind: 'model';
  readonly seq: number;
  readonly at: string;
  readonly turn: string;
  readonly text: string;
  readonly stopped: Stopped;
  readonly usage: Usage;
}

export type Entry = PersonEntry | ToolEntry | ModelEntry;

export interface Person {
  readonly name: string;
  readonly typing: boolean;
  readonly connected: boolean;
}

export interface ToolSummary {
  readonly name: string;
  readonly server?: string;
  readonly title?: string;
  readonly description?: string;
  readonly destructive: boolean;
}

export interface Question {
  readonly type: 'question';
  readonly question: string;
  readonly server: string;
  readonly message: string;
  readonly schema?: FormSchema;
  readonly url?: string;
  /** ISO 8601. */
  readonly expires_at?: string;
}

export interface ApprovalRequest {
  readonly type: 'approval_request';
  readonly approval: string;
  readonly turn: string;
  readonly call: string;
  readonly name: string;
  readonly server?: string;
  readonly title?: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly message: string;
  /** ISO 8601. */
  readonly expires_at?: string;
}

export interface Exported {
  readonly type: 'export';
  readonly format: 'markdown' | 'json';
  readonly filename: string;
  readonly content: string;
}

export interface Failure {
  readonly type: 'error';
  readonly message: string;
  readonly code?: string;
  readonly turn?: string;
  readonly id?: string;
}

export type ServerMessage =
  | {
      readonly type: 'connection_established';
      readonly session_id: string;
      readonly message: string;
      readonly authenticated: boolean;
      readonly resume_token?: string;
      readonly model?: string;
      readonly mention?: string;
    }
  | { readonly type: 'auth_success'; readonly message: string; readonly authenticated: true }
  | { readonly type: 'auth_error'; readonly message: string }
  | { readonly type: 'logged_out'; readonly message: string; readonly authenticated: boolean }
  | {
      readonly type: 'resumed';
      readonly session_id: string;
      readonly message: string;
      readonly authenticated: boolean;
      readonly resume_token: string;
      readonly room?: string;
    }
  | { readonly type: 'history'; readonly entries: readonly Entry[]; readonly more: boolean }
  | { readonly type: 'said'; readonly entry: Entry }
  | { readonly type: 'processing'; readonly turn: string; readonly id?: string; readonly from?: string }
  | { readonly type: 'delta'; readonly turn: string; readonly text: string }
  | {
      readonly type: 'tool_call';
      readonly turn: string;
      readonly call: string;
      readonly name: string;
      readonly server?: string;
      readonly title?: string;
      readonly arguments: Readonly<Record<string, unknown>>;
      readonly by: string;
    }
  | {
      readonly type: 'tool_progress';
      readonly turn: string;
      readonly call: string;
      readonly progress: number;
      readonly total?: number;
      readonly message?: string;
    }
  | {
      readonly type: 'tool_result';
      readonly turn: string;
      readonly call: string;
      readonly name: string;
      readonly seq: number;
      readonly server?: string;
      readonly is_error: boolean;
      readonly ended?: Ended;
      readonly text: string;
      readonly images?: readonly Image[];
      readonly truncated: boolean;
    }
  | {
      readonly type: 'response';
      readonly message: string;
      readonly turn: string;
      readonly seq: number;
      readonly stopped: Stopped;
      readonly usage?: Usage;
    }
  | Question
  | ApprovalRequest
  | { readonly type: 'closed'; readonly id: string; readonly reason: 'answered' | 'cancelled' | 'timeout' }
  | { readonly type: 'info'; readonly message: string; readonly event?: string }
  | Failure
  | { readonly type: 'pong' }
  | { readonly type: 'tools'; readonly tools: readonly ToolSummary[] }
  | Exported
  | { readonly type: 'joined'; readonly room: string; readonly name: string }
  | { readonly type: 'left'; readonly room: string }
  | { readonly type: 'presence'; readonly room: string; readonly people: readonly Person[] };

export interface Answer {
  readonly type: 'answer';
  readonly question: string;
  readonly action: 'accept' | 'decline' | 'cancel';
  readonly content?: Readonly<Record<string, unknown>>;
}

export type ClientMessage =
  | { readonly type: 'auth'; readonly api_key: string; readonly org_id: string }
  | { readonly type: 'query'; readonly content: string; readonly id?: string }
  | { readonly type: 'ping' }
  | { readonly type: 'cancel'; readonly turn?: string }
  | Answer
  | { readonly type: 'approval'; readonly approval: string; readonly approved: boolean }
  | { readonly type: 'typing'; readonly active: boolean }
  | { readonly type: 'history'; readonly before?: number; readonly limit?: number }
  | { readonly type: 'tools' }
  | { readonly type: 'export'; readonly format: 'markdown' | 'json' }
  | { readonly type: 'logout' }
  | { readonly type: 'join'; readonly room?: string; readonly name: string }
  | { readonly type: 'leave' }
  | { readonly type: 'resume'; readonly session_id: string; readonly resume_token: string; readonly after: number };
