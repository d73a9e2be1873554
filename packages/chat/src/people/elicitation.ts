/** What a server asks a person (MCP, elicitation), as a question of the chat. */
import type { ElicitRequest, ElicitResult } from '@modelcontextprotocol/client';

import { maskDeep } from './credentials.ts';
import type { Questions, Reply } from './questions.ts';

/** @param mask takes the person's secrets out of what the server says. Never rejects. */
export async function elicit(
  questions: Questions,
  { server, params, mask }: { server: string; params: ElicitRequest['params']; mask(text: string): string },
  signal: AbortSignal,
): Promise<ElicitResult> {
  // A page opens it: nothing but a web address may be asked for.
  if ('url' in params && !/^https?:/i.test(params.url)) return { action: 'decline' };
  const asked =
    'requestedSchema' in params ? { schema: maskDeep<object>(params.requestedSchema, mask) } : { url: params.url };
  const reply: Reply<ElicitResult> = await questions.ask(
    { type: 'question', server, message: mask(params.message), ...(asked as { schema: Record<string, unknown> }) },
    signal,
  );
  return 'answer' in reply ? reply.answer : { action: 'cancel' };
}
