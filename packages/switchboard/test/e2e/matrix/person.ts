/** Who sits at a client: answers what the server asks, and remembers what that was. */
import type { Json } from '../../support/wire.ts';

export interface Asked {
  method: string;
  params?: Json;
}

interface Question {
  method: string;
  params?: object | undefined;
}

type Reply = { action: 'accept' | 'decline' | 'cancel'; content?: Record<string, string> };
type Sample = { model: string; role: 'assistant'; content: { type: 'text'; text: string } };

export const ROOTS = [{ uri: 'file:///matrix', name: 'matrix' }];

export class Person {
  /** What was asked since the last look. */
  readonly asked: Asked[] = [];
  /** What is done with elicitations. */
  action: Reply['action'] = 'accept';

  elicit(question: Question): Reply {
    const { message, mode = 'form' } = this.#remember(question);
    if (this.action !== 'accept' || mode === 'url') return { action: this.action };
    return { action: 'accept', content: { answer: `yes to ${String(message)}` } };
  }

  sample(question: Question): Sample {
    const { messages } = this.#remember(question) as { messages: { content: { text: string } }[] };
    const text = `reply to ${messages[0]!.content.text}`;
    return { model: 'person', role: 'assistant', content: { type: 'text', text } };
  }

  roots(question: Question): { roots: typeof ROOTS } {
    this.#remember(question);
    return { roots: ROOTS };
  }

  /** What was asked, for the last time. */
  forget(): Asked[] {
    return this.asked.splice(0);
  }

  #remember({ method, params = {} }: Question): Json {
    this.asked.push({ method, params: params as Json });
    return params as Json;
  }
}
