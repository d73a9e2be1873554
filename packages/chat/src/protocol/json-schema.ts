/** The messages as JSON Schema (2020-12), for people who write a client in another language. */
import { z } from 'zod';

import { clientMessageSchema } from './client-messages.ts';
import { serverMessageSchema } from './server-messages.ts';

export function protocolSchema(): object {
  const of = (schema: z.ZodType): object => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
    return rest;
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Chat over WebSocket: docs/reference/chat-protocol.md',
    $defs: { ClientMessage: of(clientMessageSchema), ServerMessage: of(serverMessageSchema) },
    anyOf: [{ $ref: '#/$defs/ClientMessage' }, { $ref: '#/$defs/ServerMessage' }],
  };
}
