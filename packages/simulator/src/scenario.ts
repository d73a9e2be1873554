/** What a client does: steps, each as often as its weight says. */
import { SimulatorError } from './errors.ts';
import { compileTemplate } from './template.ts';
import type { Template } from './template.ts';
import { MAX_WAIT_MS, parseDuration } from './units.ts';

/** The kinds of steps with the keys that each takes; the reference page has the same table. */
export const STEPS = {
  call: { keys: ['tool', 'args', 'progress'], meaning: 'calls a tool' },
  list: { keys: ['what'], meaning: 'lists `tools`, `resources` or `prompts`' },
  read: { keys: ['uri'], meaning: 'reads a resource' },
  subscribe: { keys: ['uri'], meaning: 'subscribes to a resource; the next time, ends the subscription' },
  elicit: { keys: ['tool', 'args'], meaning: 'calls a tool that must ask this client something, and answers' },
  cancel: { keys: ['tool', 'args', 'after'], meaning: 'calls a tool, and cancels the call after a while' },
  idle: { keys: ['for'], meaning: 'does nothing for a while' },
  reconnect: { keys: [], meaning: 'leaves politely, and comes back' },
} as const;

/** What a step does. */
export type StepKind = 'call' | 'list' | 'read' | 'subscribe' | 'elicit' | 'cancel' | 'idle' | 'reconnect';
/** What a step lists. */
export type ListWhat = 'tools' | 'resources' | 'prompts';

/** A step as it is written in a scenario file, and as it goes to the threads. */
export interface StepText {
  do: StepKind;
  /** @default 1 */
  weight?: number;
  tool?: string;
  args?: unknown;
  /** Whether the call asks for progress notes, whose order is then checked. @default false */
  progress?: boolean;
  /** @default tools */
  what?: ListWhat;
  uri?: string;
  /** A duration. @default 100ms */
  for?: string | number;
  /** A duration. @default 50ms */
  after?: string | number;
}

/** A step that is ready to be done. */
export interface Step {
  kind: StepKind;
  /** For tables: `call echo`. */
  name: string;
  weight: number;
  tool: string;
  args: Template;
  progress: boolean;
  what: ListWhat;
  uri: Template;
  waitMs: number;
}

const KEYS = ['do', 'weight'];
const LISTS = ['tools', 'resources', 'prompts'];

/**
 * Reads the text of a scenario file: `{"steps": [{"do": "call", "tool": "echo", "args": {"text": "{{tag}}"}, "weight": 8}, …]}`.
 *
 * @throws {SimulatorError} `SIM_SCENARIO` naming the step and what is wrong with it.
 */
export function readScenario(text: string): readonly StepText[] {
  let scenario: unknown;
  try {
    scenario = JSON.parse(text);
  } catch (cause) {
    throw new SimulatorError('SIM_SCENARIO', `it is not JSON: ${(cause as Error).message}`, cause);
  }
  const steps = (scenario as { steps?: unknown } | null)?.steps;
  if (!Array.isArray(steps) || steps.length === 0) {
    throw new SimulatorError('SIM_SCENARIO', 'expected {"steps": [{"do": "call", …}, …]} with at least one step');
  }
  return readSteps(steps as StepText[]);
}

/** Compiles steps, so that what is wrong is told before anything starts. @throws {SimulatorError} `SIM_SCENARIO` */
export function readSteps(steps: readonly StepText[]): readonly StepText[] {
  for (const [index, step] of steps.entries()) compileStep(step, index);
  return steps;
}

/** @throws {SimulatorError} `SIM_SCENARIO` */
export function compileStep(step: StepText, index = 0): Step {
  const refuse = (problem: string): never => {
    throw new SimulatorError('SIM_SCENARIO', `steps[${index}]: ${problem}`);
  };
  const kind = typeof step === 'object' && step !== null ? step.do : undefined;
  if (kind === undefined || !Object.hasOwn(STEPS, kind)) {
    return refuse(`expected "do" to be one of ${Object.keys(STEPS).join(', ')}, got ${JSON.stringify(kind)}`);
  }
  const allowed: readonly string[] = [...KEYS, ...STEPS[kind].keys];
  const unknown = Object.keys(step).find((key) => !allowed.includes(key));
  if (unknown !== undefined) refuse(`a ${kind} step has no ${JSON.stringify(unknown)}; it takes ${allowed.join(', ')}`);
  for (const key of ['tool', 'uri'] as const) {
    const needed = (STEPS[kind].keys as readonly string[]).includes(key);
    if (needed && typeof step[key] !== 'string') refuse(`a ${kind} step needs ${JSON.stringify(key)}`);
  }
  const { weight = 1, tool = '', args = {}, progress = false, what = 'tools', uri = '' } = step;
  if (typeof weight !== 'number' || !(weight > 0)) refuse(`expected a weight above 0, got ${JSON.stringify(weight)}`);
  if (!LISTS.includes(what)) refuse(`expected "what" to be one of ${LISTS.join(', ')}, got ${JSON.stringify(what)}`);
  const wait = kind === 'idle' ? (step.for ?? '100ms') : (step.after ?? '50ms');
  const waitMs =
    parseDuration(String(wait)) ?? refuse(`expected a duration such as 100ms, got ${JSON.stringify(wait)}`);
  if (waitMs > MAX_WAIT_MS) refuse(`expected at most 24 days (576h), got ${JSON.stringify(wait)}`);
  const about = {
    call: tool,
    elicit: tool,
    cancel: tool,
    list: what,
    read: uri,
    subscribe: uri,
    idle: '',
    reconnect: '',
  };
  return {
    kind,
    name: `${kind} ${about[kind]}`.trim(),
    weight,
    tool,
    args: compileTemplate(args),
    progress,
    what,
    uri: compileTemplate(uri),
    waitMs,
  };
}
