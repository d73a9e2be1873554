import type { Thing } from '../api.ts';
import { listIn } from '../listing.ts';

/** A template as the advice sees it, read from what the API gives; what is missing there is empty here. */
export interface Template {
  id: string;
  title: string;
  summary: string;
  guidance: string;
  steps: Step[];
  /** The fields of the kick-off form. */
  kickoff: Field[];
  rules: Rule[];
}

export interface Step {
  id: string;
  title: string;
  summary: string;
  type: string;
  /** From 1. */
  position: number;
  deadline: Deadline | undefined;
  /** How many members, guests, groups and roles it is assigned to. */
  assignees: number;
  fields: Field[];
}

export interface Deadline {
  value: number;
  unit: string;
}

export interface Field {
  id: string;
  label: string;
  type: string;
  required: boolean;
  guidance: string;
  options: number;
}

/** If these conditions hold, then these actions are done. */
export interface Rule {
  id: string;
  name: string;
  conditions: Condition[];
  actions: Action[];
}

export interface Condition {
  /** What it looks at: a step, a form field or a kick-off field. */
  subject: string;
  type: string;
  operation: string;
  /** What the value is compared with; of a step, in which time. */
  statement: string;
  /** How it is joined with the others. */
  logic: string;
}

export interface Action {
  type: string;
  verb: string;
  /** The step that it is done to. */
  target: string;
  /** Whatever else it says: the deadline, the assignees. */
  detail: string;
}

export function readTemplate(thing: Thing): Template {
  const steps = listIn(thing['steps']).map(readStep);
  return {
    id: text(thing['id']),
    title: text(thing['title']),
    summary: text(thing['summary']),
    guidance: text(thing['guidance']),
    steps: steps.sort((a, b) => a.position - b.position),
    kickoff: listIn(thing['prerun']).map(readField),
    rules: listIn(thing['automated_actions']).map(readRule),
  };
}

function readStep(thing: Thing, index: number): Step {
  const owners = ['assignees', 'guests', 'groups', 'roles'].map((name) => listIn(thing[name]).length);
  return {
    id: text(thing['id']),
    title: text(thing['title']),
    summary: text(thing['summary']),
    type: text(thing['step_type']) || 'task',
    position: number(thing['position']) || index + 1,
    deadline: readDeadline(thing['deadline']),
    assignees: owners.reduce((sum, length) => sum + length, 0),
    fields: listIn(thing['captures'] ?? thing['form_fields']).map(readField),
  };
}

function readDeadline(value: unknown): Deadline | undefined {
  const deadline = (value ?? {}) as Thing;
  const length = number(deadline['value']);
  return length > 0 ? { value: length, unit: text(deadline['unit']) } : undefined;
}

function readField(thing: Thing): Field {
  return {
    id: text(thing['id']),
    label: text(thing['label']),
    type: text(thing['field_type']),
    required: thing['required'] === true,
    guidance: text(thing['guidance']),
    options: listIn(thing['options']).length,
  };
}

function readRule(thing: Thing): Rule {
  const id = text(thing['id']);
  return {
    id,
    name: text(thing['automated_alias']) || text(thing['alias']) || id,
    conditions: listIn(thing['conditions']).map((condition) => ({
      subject: text(condition['conditionable_id']),
      type: text(condition['conditionable_type']),
      operation: text(condition['operation']),
      statement: text(condition['statement']),
      logic: text(condition['logic']) || 'and',
    })),
    actions: listIn(thing['then_actions'] ?? thing['actions']).map(readAction),
  };
}

function readAction(action: Thing): Action {
  const { deadline, assignees } = action;
  return {
    type: text(action['action_type']),
    verb: text(action['action_verb']),
    target: text(action['target_step_id']),
    detail: JSON.stringify({ deadline, assignees }),
  };
}

/** The text without the markup that the editor of Tallyfy puts into it. */
function text(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return '';
  return value
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

function number(value: unknown): number {
  const read = Number(value);
  return Number.isFinite(read) ? read : 0;
}
