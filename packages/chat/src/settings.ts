/** The block `chat` of a configuration file, and the flags of `switchboard chat`. */
import { SwitchboardError, isLoopback } from 'mcp-switchboard';
import { z } from 'zod';

import { ModelFailure } from './models/model.ts';
import type { Model } from './models/model.ts';
import { OfflineModel } from './models/offline.ts';
import { providerModel } from './models/provider.ts';
import { LIMITS } from './options.ts';
import type { ApprovalMode, ApprovalOptions, ChatLimits } from './options.ts';
import { credentialOptionsSchema } from './people/credentials.ts';
import type { CredentialOptions } from './people/credentials.ts';

/** Which model answers. */
export interface ModelChoice {
  model?: string | undefined;
  modelUrl?: string | undefined;
  provider?: 'anthropic' | 'openai-compatible' | undefined;
  offline?: boolean | undefined;
}

export interface ChatSettings extends ModelChoice {
  system?: string;
  approvals?: ApprovalMode | ApprovalOptions;
  mention?: string;
  connections?: 'person' | 'shared';
  credentials?: CredentialOptions;
  retentionHours?: number;
  /** By the names of {@link ChatLimits}. */
  limits?: Partial<ChatLimits>;
}

const approvalMode = z.enum(['destructive', 'always', 'never']);
const limit = z.int().min(1).exactOptional();
const MAX_RETENTION_HOURS = 8760;
const schema = z.strictObject({
  model: z.string().min(1).exactOptional(),
  modelUrl: z.url({ protocol: /^https?$/, error: 'expected a URL with http or https' }).exactOptional(),
  provider: z.enum(['anthropic', 'openai-compatible']).exactOptional(),
  offline: z.boolean().exactOptional(),
  system: z.string().exactOptional(),
  approvals: z
    .union([
      approvalMode,
      z.strictObject({ when: approvalMode.exactOptional(), unasked: z.enum(['refuse', 'allow']).exactOptional() }),
    ])
    .exactOptional(),
  mention: z
    .string()
    .regex(/^[\w-]{1,40}$/, 'expected letters, digits, dashes and underscores')
    .exactOptional(),
  connections: z.enum(['person', 'shared']).exactOptional(),
  credentials: credentialOptionsSchema.exactOptional(),
  retentionHours: z.coerce.number().min(1).max(MAX_RETENTION_HOURS).exactOptional(),
  limits: z.strictObject(Object.fromEntries(Object.keys(LIMITS).map((name) => [name, limit]))).exactOptional(),
});

/** @throws {SwitchboardError} `SWB_CONFIG_INVALID` naming every wrong value. */
export function readChatSettings(input: unknown): ChatSettings {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => `${['chat', ...path].join('.')}: ${message}`);
  throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: lines.join('; ') });
}

/**
 * What is used for people who have not signed in: the block's own, or `TALLYFY_API_KEY` and `TALLYFY_ORG_ID` of the environment.
 *
 * @param note takes a sentence about variables that are of no use.
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID` where everybody must sign in and there are such values all the same.
 */
export function withFallback(
  credentials: CredentialOptions | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  note: (sentence: string) => void,
): CredentialOptions | undefined {
  const { TALLYFY_API_KEY: apiKey = '', TALLYFY_ORG_ID: orgId = '' } = environment;
  if (credentials === undefined) return undefined;
  const isSet = apiKey !== '' && orgId !== '';
  if (credentials.required === true && (isSet || credentials.fallback !== undefined)) {
    const what =
      credentials.fallback === undefined ? 'TALLYFY_API_KEY and TALLYFY_ORG_ID are set' : 'there is a fallback';
    const detail = `chat.credentials.required: everybody must sign in, but ${what} for people who have not; remove one of the two`;
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
  }
  if (credentials.fallback !== undefined) return credentials;
  if (isSet) return { ...credentials, fallback: { api_key: apiKey, org_id: orgId } };
  if (apiKey !== '') note('TALLYFY_API_KEY is not used, as TALLYFY_ORG_ID is not set: people must sign in');
  return credentials;
}

/**
 * The model of a choice, with the keys of the environment: `ANTHROPIC_API_KEY`, or `SWITCHBOARD_MODEL_KEY` beside a `modelUrl`. Where
 * nothing is chosen and there is no key, the offline model.
 *
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID`
 */
export function modelOf(
  { model, modelUrl: url, provider, offline }: ModelChoice,
  environment: Readonly<Record<string, string | undefined>>,
): Model {
  const wrong = (detail: string): SwitchboardError => new SwitchboardError('SWB_CONFIG_INVALID', { detail });
  const keyVariable = url === undefined ? 'ANTHROPIC_API_KEY' : 'SWITCHBOARD_MODEL_KEY';
  const apiKey = environment[keyVariable];
  if (offline === true || (model === undefined && url === undefined && !apiKey)) return new OfflineModel();
  if (url !== undefined && model === undefined) {
    throw wrong(`${url} may have several models: say which one, with --model`);
  }
  if (apiKey && url !== undefined && !url.startsWith('https:') && !isLoopback(new URL(url).hostname)) {
    throw wrong(`${url} would get the key of SWITCHBOARD_MODEL_KEY in clear text: give an address with https`);
  }
  try {
    return providerModel({
      ...(model !== undefined && { model }),
      ...(url !== undefined && { url }),
      ...(provider !== undefined && { provider }),
      ...(apiKey && { apiKey }),
      keyVariable,
    });
  } catch (error) {
    throw error instanceof ModelFailure ? wrong(error.message) : error;
  }
}
