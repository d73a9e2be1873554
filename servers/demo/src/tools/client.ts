import { acceptedContent, inputRequired, inputResponse, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { toolResult } from './result.ts';

const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;

const answerForm = z.object({ answer: z.string().describe('Your answer') });

/** Registers the tools that reach back to the client: ask, log. */
export function registerClientTools(server: McpServer): void {
  server.registerTool(
    'ask',
    {
      title: 'Ask the user',
      description: 'Asks the user a question through a form, and tells what the user did with it.',
      annotations: { readOnlyHint: true, openWorldHint: false },
      inputSchema: z.object({ question: z.string().default('What is your favourite colour?').describe('What to ask') }),
      outputSchema: z.object({ action: z.enum(['accept', 'decline', 'cancel']), answer: z.string().optional() }),
    },
    ({ question }, { mcpReq: { inputResponses } }) => {
      // The handler runs again with the response, in both eras: a modern client repeats the call with it,
      // and for a legacy client the SDK sends elicitation/create and runs the handler again itself.
      const response = inputResponse(inputResponses, 'answer');
      if (response.kind !== 'elicit') {
        const answer = inputRequired.elicit({ message: question, requestedSchema: answerForm });
        return inputRequired({ inputRequests: { answer } });
      }
      const { action } = response;
      if (action === 'decline') return toolResult('The user declined to answer.', { action });
      if (action === 'cancel') return toolResult('The user dismissed the question.', { action });
      const content = acceptedContent(inputResponses, 'answer', answerForm);
      if (!content) {
        throw new Error(
          `The client accepted with ${JSON.stringify(response.content)}: send content with a text named 'answer'.`,
        );
      }
      return toolResult(`The user answered: ${content.answer}`, { action, answer: content.answer });
    },
  );

  server.registerTool(
    'log',
    {
      title: 'Log',
      description: 'Sends a log message to the client, if the client wants messages of that level.',
      annotations: { readOnlyHint: true, openWorldHint: false },
      inputSchema: z.object({
        level: z.enum(LEVELS).describe('How severe it is'),
        text: z.string().describe('The message'),
      }),
    },
    async ({ level, text }, { mcpReq }) => {
      await mcpReq.log(level, text, 'demo');
      return toolResult(`Logged at level ${level}.`);
    },
  );
}
