/** A modern or legacy server in this process whose lists are what a test says, in pages. */
import { Server } from '@modelcontextprotocol/server';

import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import type { Json } from './wire.ts';

export interface Listed {
  tools?: readonly string[];
  prompts?: readonly string[];
  resources?: readonly string[];
  templates?: readonly string[];
  /** Resources that can be read and are in no list. */
  unlisted?: readonly string[];
  /** How many entries a page has. @default all of them */
  pageSize?: number;
  cache?: { ttlMs: number; cacheScope: 'public' | 'private' };
  era?: 'legacy' | 'modern';
  /** Whether it leaves `tools/list` without an answer, asked each time. */
  hangs?: boolean | (() => boolean);
  /** Said before every answer that names what was asked for. */
  says?: string;
}

/** Each tool and prompt answers with its name, each resource with its URI. */
export function listed(lists: Listed): UpstreamOptions {
  const { prompts, resources, templates, pageSize = Infinity, cache, era, says = '' } = lists;
  const page = (entries: readonly Json[], key: string, cursor?: string): Json => {
    const from = Number(cursor ?? 0);
    const more = from + pageSize < entries.length;
    return {
      [key]: entries.slice(from, from + pageSize),
      ...(more && { nextCursor: String(from + pageSize) }),
      ...cache,
    };
  };
  const server = (): Server => {
    const built = new Server(
      { name: 'listed', version: '1' },
      {
        capabilities: {
          ...(lists.tools && { tools: { listChanged: true } }),
          ...(prompts && { prompts: {} }),
          ...((resources ?? templates) && { resources: {} }),
        },
      },
    );
    const text = (said: string): never => ({ content: [{ type: 'text', text: said }] }) as never;
    if (lists.tools) {
      built.setRequestHandler('tools/list', ({ params }) => {
        if (typeof lists.hangs === 'function' ? lists.hangs() : lists.hangs === true)
          return new Promise<never>(() => {});
        const tools = lists.tools!.map((name) => ({
          name,
          description: `its ${name}`,
          inputSchema: { type: 'object' },
        }));
        return page(tools, 'tools', params?.cursor) as never;
      });
      built.setRequestHandler('tools/call', ({ params }) => text(says + params.name));
    }
    if (prompts) {
      built.setRequestHandler(
        'prompts/list',
        ({ params }) =>
          page(
            prompts.map((name) => ({ name })),
            'prompts',
            params?.cursor,
          ) as never,
      );
      built.setRequestHandler(
        'prompts/get',
        ({ params }) =>
          ({ messages: [{ role: 'user', content: { type: 'text', text: says + params.name } }] }) as never,
      );
    }
    if (resources ?? templates) {
      const entries = (resources ?? []).map((uri) => ({ uri, name: uri }));
      const patterns = (templates ?? []).map((uriTemplate) => ({ uriTemplate, name: uriTemplate }));
      built.setRequestHandler('resources/list', ({ params }) => page(entries, 'resources', params?.cursor) as never);
      built.setRequestHandler(
        'resources/templates/list',
        ({ params }) => page(patterns, 'resourceTemplates', params?.cursor) as never,
      );
      built.setRequestHandler('resources/read', ({ params: { uri } }) => {
        const isThere =
          resources?.includes(uri) === true || lists.unlisted?.includes(uri) === true || uri.startsWith('any:');
        if (!isThere) throw Object.assign(new Error('no such resource'), { code: -32602 });
        return { contents: [{ uri, text: says + uri }] };
      });
    }
    return built;
  };
  return {
    server,
    ...(era !== undefined && { era }),
  };
}
