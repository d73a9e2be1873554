/** Figures of a chat in the text format of Prometheus. */
import type { ChatEvent } from './options.ts';
import type { Stopped } from './protocol/history.ts';

/** What is looked at when somebody asks. */
export interface ChatSnapshot {
  connected: number;
  away: number;
  rooms: number;
}

export class ChatMetrics {
  readonly #turns: Map<Stopped, number> = new Map();
  readonly #tokens: Map<'input' | 'cached' | 'output', number> = new Map();
  #sessions = 0;

  readonly onEvent = (event: ChatEvent): void => {
    if (event.type === 'session.opened') this.#sessions++;
    if (event.type !== 'turn') return;
    const { input_tokens: input, output_tokens: output, cached_tokens: cached = 0 } = event.usage;
    add(this.#turns, event.stopped, 1);
    add(this.#tokens, 'input', input);
    add(this.#tokens, 'cached', cached);
    add(this.#tokens, 'output', output);
  };

  text({ connected, away, rooms }: ChatSnapshot): string {
    return [
      ...metric(
        'switchboard_chat_sessions',
        'gauge',
        'Sessions of people, by whether their client is connected',
        'state',
        [
          ['connected', connected],
          ['away', away],
        ],
      ),
      ...metric('switchboard_chat_rooms', 'gauge', 'Rooms that somebody is in', undefined, [['', rooms]]),
      ...metric('switchboard_chat_sessions_total', 'counter', 'Sessions that were opened', undefined, [
        ['', this.#sessions],
      ]),
      ...metric('switchboard_chat_turns_total', 'counter', 'Turns that ended, by why', 'stopped', [...this.#turns]),
      ...metric(
        'switchboard_chat_tokens_total',
        'counter',
        'Tokens of the model; cached ones are among those of the input',
        'kind',
        [...this.#tokens],
      ),
      '',
    ].join('\n');
  }
}

function add<Key>(counts: Map<Key, number>, key: Key, amount: number): void {
  counts.set(key, (counts.get(key) ?? 0) + amount);
}

function metric(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  label: string | undefined,
  values: readonly (readonly [string, number])[],
): string[] {
  const lines = values.map(([value, count]) => `${name}${label === undefined ? '' : `{${label}="${value}"}`} ${count}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
}
