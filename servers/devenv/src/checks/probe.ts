import { connect } from 'node:net';
import type { Service } from '../configuration.ts';

const PROBE_TIMEOUT_MS = 3_000;
const MAX_ANSWER_BYTES = 64 * 1024;

export interface ProbeResult {
  reachable: boolean;
  /** What answered, or why nothing did. */
  detail: string;
  ms: number;
}

interface Dialect {
  /** What the client says first; nothing where the server does. */
  firstMessage?: (service: Service) => Buffer;
  /** What an answer means; undefined while there is too little of it. Throws for one of something else. */
  read?: (answer: Buffer) => string | undefined;
}

/** How each kind of service is asked: with the first message of its protocol that needs no login. */
const DIALECTS: Readonly<Record<Service['kind'], Dialect>> = {
  tcp: {},
  http: {
    firstMessage: ({ host, port, path }) =>
      Buffer.from(`GET ${encodeURI(path)} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`),
    read: (answer) => {
      const status = /^HTTP\/1\.[01] (\d{3})[^\r]*\r\n/.exec(answer.toString('latin1'))?.[1];
      if (status === undefined) return short(answer, 12);
      if (Number(status) >= 500) throw new Error(`It answers with status ${status}.`);
      return `HTTP ${status}`;
    },
  },
  // SSLRequest, answered by one byte (PostgreSQL, "Message Formats").
  postgres: {
    firstMessage: () => Buffer.from('0000000804d2162f', 'hex'),
    read: (answer) => {
      const byte = String.fromCharCode(answer[0] ?? 0);
      if (!'SN'.includes(byte)) throw new Error('It is no PostgreSQL server.');
      return byte === 'S' ? 'PostgreSQL, with TLS' : 'PostgreSQL, without TLS';
    },
  },
  // The server speaks first: 3 bytes of length, a number, the protocol version 10, its version as text.
  mysql: {
    read: (answer) => {
      if (answer.length < 6) return undefined;
      if (answer[4] !== 10) throw new Error('It is no MySQL server, or refuses connections.');
      return `MySQL ${answer.subarray(5, answer.indexOf(0, 5)).toString('latin1')}`;
    },
  },
  redis: {
    firstMessage: () => Buffer.from('PING\r\n'),
    read: (answer) => {
      const line = /^([^\r]*)\r\n/.exec(answer.toString('latin1'))?.[1];
      if (line === undefined) return short(answer, 512);
      if (line === '+PONG') return 'Redis';
      if (/^-(NOAUTH|NOPERM)/.test(line)) return 'Redis, which asks for a password';
      throw new Error(`It answers ${JSON.stringify(line.slice(0, 100))}.`);
    },
  },
  // ApiVersions v0 with the correlation id 1, which comes back.
  kafka: {
    firstMessage: () => Buffer.from('0000000a0012000000000001ffff', 'hex'),
    read: (answer) => {
      if (answer.length < 10) return undefined;
      if (answer.readInt32BE(4) !== 1) throw new Error('It is no Kafka broker.');
      return 'Kafka';
    },
  },
  // The answer is a method frame, or `AMQP` with the version that the broker would rather speak.
  amqp: {
    firstMessage: () => Buffer.from('414d515000000901', 'hex'),
    read: (answer) => {
      if (answer.length < 8) return undefined;
      if (answer[0] === 1 || answer.subarray(0, 4).toString() === 'AMQP') return 'AMQP';
      throw new Error('It is no AMQP broker.');
    },
  },
  nats: {
    read: (answer) => {
      if (answer.length < 5) return undefined;
      if (answer.subarray(0, 5).toString() !== 'INFO ') throw new Error('It is no NATS server.');
      return 'NATS';
    },
  },
};

/** Connects to a service and greets it in its own protocol, without logging in; waits 3 s at most. */
export function probe(service: Service, signal: AbortSignal): Promise<ProbeResult> {
  const { kind, host, port } = service;
  const { firstMessage, read } = DIALECTS[kind];
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let answer = Buffer.alloc(0);
    const cancel = (): void => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    const settle = (reachable: boolean, detail: string): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      socket.destroy();
      resolve({ reachable, detail, ms: Math.round(performance.now() - startedAt) });
    };
    const timer = setTimeout(
      () =>
        settle(
          false,
          socket.connecting ? 'The connection is not taken.' : 'It takes the connection but does not answer.',
        ),
      PROBE_TIMEOUT_MS,
    );
    if (signal.aborted) {
      clearTimeout(timer);
      cancel();
      return;
    }
    signal.addEventListener('abort', cancel, { once: true });
    socket.once('connect', () => {
      if (!read) settle(true, 'It takes connections.');
      else if (firstMessage) socket.write(firstMessage(service));
    });
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      try {
        const detail = read?.(answer);
        if (detail !== undefined) settle(true, detail);
        else if (answer.length > MAX_ANSWER_BYTES) settle(false, 'It answers without an end.');
      } catch (error) {
        settle(false, error instanceof Error ? error.message : String(error));
      }
    });
    socket.once('error', (error: NodeJS.ErrnoException) => settle(false, error.code ?? error.message));
    socket.once('close', () => settle(false, 'It closes the connection.'));
  });
}

function short(answer: Buffer, enough: number): undefined {
  if (answer.length >= enough) throw new Error('It speaks another protocol.');
  return undefined;
}
