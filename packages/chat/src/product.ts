/** How the chat introduces itself to servers. */
export const PRODUCT: { readonly name: string; readonly version: string } = {
  name: 'mcp-switchboard-chat',
  version: '0.1.0',
};
