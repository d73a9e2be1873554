#!/usr/bin/env node
// Stands here, not in dist, so that a fresh checkout can link it before anything is built.
import '../dist/main.js';
