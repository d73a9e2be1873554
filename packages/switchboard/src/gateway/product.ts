/** How Switchboard names itself, to servers and in `--version`. A test compares the version with package.json. */
export const PRODUCT = { name: 'mcp-switchboard', version: '0.1.0' } as const;
