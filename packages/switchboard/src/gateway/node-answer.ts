/** What another node answers to a question in an operator's name. */
import type { Node } from '../peers/nodes.ts';
import type { PeerAnswer } from '../peers/peer-link.ts';
import { SwitchboardError } from '../protocol/errors.ts';

/** More than a list of all sessions has. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** @throws {SwitchboardError} `SWB_NOT_FOUND` or `SWB_NODE_LOST`: what it says in place of an answer. */
export async function readAnswer({ status, body }: PeerAnswer, { name }: Pick<Node, 'name'>): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new SwitchboardError('SWB_NODE_LOST', { detail: `${name} answers without an end` });
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  const answer: unknown = text === '' ? undefined : JSON.parse(text);
  if (status < 400) return answer;
  const said = (answer as { error?: { message?: unknown } } | undefined)?.error?.message;
  throw new SwitchboardError(status === 404 ? 'SWB_NOT_FOUND' : 'SWB_NODE_LOST', {
    detail: `${name} answers ${status}${typeof said === 'string' ? `: ${said}` : ''}`,
  });
}
