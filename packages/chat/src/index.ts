/** A chat over WebSocket in which a model answers with the help of MCP servers. */
export { Chat, createChat } from './chat.ts';
export { LIMITS } from './options.ts';
export type { ApprovalMode, ApprovalOptions, ChatEvent, ChatIdentity, ChatLimits, ChatOptions } from './options.ts';
export { OfflineModel } from './models/offline.ts';
export { DEFAULT_MODEL, providerModel } from './models/provider.ts';
export type { ProviderOptions } from './models/provider.ts';
export { ModelFailure } from './models/model.ts';
export type {
  Model,
  ModelCall,
  ModelPart,
  ModelRequest,
  ModelResult,
  PromptMessage,
  ToolOffer,
} from './models/model.ts';
export type { CredentialOptions, HttpProbe, ToolProbe } from './people/credentials.ts';
export type { PageServer } from './pages.ts';
export type { MessageHandler, OwnMessage, Sender } from './protocol/own-messages.ts';
