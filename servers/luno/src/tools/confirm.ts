import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  inputRequired,
  inputResponse,
  type InputRequiredResult,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { LunoError } from '../errors.ts';

const form = z.object({ confirm: z.boolean().describe('Yes, do it') });

/**
 * Asks the user before something is changed. Gives the question, which the tool must return; or undefined when the user has
 * agreed, or the client cannot ask. Throws `declined` when the user has not agreed. The tool's handler runs again with the
 * answer: a modern client repeats the call, and for a legacy one the SDK sends elicitation/create.
 */
export function confirm(
  server: McpServer,
  { mcpReq }: ServerContext,
  message: string,
): InputRequiredResult | undefined {
  const response = inputResponse(mcpReq.inputResponses, 'confirm');
  if (response.kind === 'elicit') {
    const agreed = acceptedContent(mcpReq.inputResponses, 'confirm', form)?.confirm === true;
    if (agreed) return undefined;
    throw new LunoError('declined', `The user was asked '${message}' and did not agree (${response.action}).`);
  }
  const envelope: { [CLIENT_CAPABILITIES_META_KEY]?: ClientCapabilities } | undefined = mcpReq.envelope;
  const declared = envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? server.server.getClientCapabilities();
  // An empty capability is form support, as it was before there were other modes.
  const { elicitation } = declared ?? {};
  if (!elicitation || (elicitation.url && !elicitation.form)) return undefined;
  return inputRequired({ inputRequests: { confirm: inputRequired.elicit({ message, requestedSchema: form }) } });
}
