import { McpServer } from '@modelcontextprotocol/server';
import { Notes } from './notes.ts';
import { registerPrompts } from './prompts.ts';
import { NOTES_URI, registerResources, sendUpdated } from './resources.ts';
import { Subscriptions } from './subscriptions.ts';
import { registerClientTools } from './tools/client.ts';
import { registerExtraTools } from './tools/extra.ts';
import { registerNoteTools } from './tools/notes.ts';
import { registerProcessTools } from './tools/process.ts';
import { registerSimpleTools } from './tools/simple.ts';
import { version } from './version.ts';

export interface DemoServerOptions {
  /**
   * What the client is subscribed to. Pass it on a modern connection, where the serving entry keeps
   * the listen streams to itself: without it the clock cannot know that anyone listens, and stands still.
   */
  subscriptions?: Subscriptions;
}

/** Makes a demo server for one connection, with notes of its own. */
export function createDemoServer({ subscriptions = new Subscriptions() }: DemoServerOptions = {}): McpServer {
  const server = new McpServer(
    { name: 'mcp-switchboard-demo', title: 'Switchboard demo', version },
    {
      capabilities: {
        logging: {},
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: false },
        prompts: { listChanged: false },
      },
      instructions:
        'This server has one of everything in MCP, for trying a client or a gateway; nothing in it is of use by itself. ' +
        'Start with whoami to see which process answers, and do not call crash unless the server shall die.',
    },
  );
  const notes = new Notes();
  registerSimpleTools(server);
  registerNoteTools(server, notes, () => sendUpdated(server, subscriptions, NOTES_URI));
  registerClientTools(server);
  registerProcessTools(server);
  registerExtraTools(server);
  registerResources(server, notes, subscriptions);
  registerPrompts(server);
  server.server.onclose = () => subscriptions.clear();
  return server;
}
