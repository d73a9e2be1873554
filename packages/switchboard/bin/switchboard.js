#!/usr/bin/env node
// Stands here, not in dist, so that a fresh checkout can link it before anything is built.
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Node 22 and newer keep what they have compiled for the next start; in a folder of this user, as compiled code is run unread.
const { XDG_CACHE_HOME: cache = join(homedir(), '.cache') } = process.env;
module.enableCompileCache?.(join(cache, 'mcp-switchboard'));
await import('../dist/cli/main.js');
