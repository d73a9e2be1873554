import { describe } from 'vitest';

import { frameRules } from '../support/frame-rules.ts';
import { scene } from '../support/frames.ts';

describe('WebSocket on a connection of its own', () => frameRules(scene));
