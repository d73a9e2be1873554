#!/usr/bin/env node
// Stands here, not in dist, so that a fresh checkout can link it before anything is built.
import { main } from '../dist/index.js';

await main(process.argv.slice(2));
