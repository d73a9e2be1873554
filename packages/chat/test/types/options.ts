/**
 * Compiled, never run: how a program can set up a chat. Each line below `@ts-expect-error` is wrong, and the compiler has to say so; it
 * also says so when one of them turns out to be right.
 */
import { OfflineModel, createChat } from 'mcp-switchboard-chat';
import type { ChatOptions } from 'mcp-switchboard-chat';

const upstreams = { demo: { command: 'node', args: ['server.js'] } };

export const good: ChatOptions = {
  upstreams,
  gateway: { isolation: 'session', requestTimeout: '90s', logLevel: 'warn' },
  model: new OfflineModel(),
  connections: 'shared',
  approvals: { when: 'always', unasked: 'allow' },
  port: 0,
  maxConnections: 10,
  idleTimeoutMs: 60_000,
  identify: ({ headers }) => ({ principal: headers['x-user'] as string }),
  onEvent: ({ type }) => void type.length,
};
createChat(good);

// @ts-expect-error: servers are needed
createChat({ port: 0 });
// @ts-expect-error: the gateway's options are checked as well
createChat({ upstreams, gateway: { isolation: 'shred' } });
// @ts-expect-error: no duration
createChat({ upstreams, gateway: { requestTimeout: 'soon' } });
// @ts-expect-error: no word for when approvals are asked for
createChat({ upstreams, approvals: 'sometimes' });
// @ts-expect-error: a limit is a number
createChat({ upstreams, maxConnections: '10' });
// @ts-expect-error: no option of that name
createChat({ upstreams, maxConections: 10 });
// @ts-expect-error: an identity has a principal
createChat({ upstreams, identify: () => ({ user: 'ann' }) });
// @ts-expect-error: a model is an object that answers
createChat({ upstreams, model: 'claude' });
