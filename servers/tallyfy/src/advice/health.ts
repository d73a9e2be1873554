import { checkAutomations } from './automations.ts';
import type { Step, Template } from './template.ts';

export type Category = 'metadata' | 'step_clarity' | 'form_fields' | 'automation' | 'deadlines' | 'workflow_logic';

export interface Issue {
  category: Category;
  severity: 'high' | 'medium' | 'low';
  message: string;
  advice: string;
}

export interface Health {
  /** From 0 to 100. */
  score: number;
  rating: 'excellent' | 'good' | 'fair' | 'poor' | 'critical';
  categories: Record<Category, { points: number; of: number }>;
  issues: Issue[];
  /** What to do, the most useful first; at most eight things. */
  improvement_plan: string[];
}

/** How many points each category is worth; 100 together. */
const WEIGHTS: Record<Category, number> = {
  metadata: 15,
  step_clarity: 20,
  form_fields: 15,
  automation: 20,
  deadlines: 15,
  workflow_logic: 15,
};

const RATINGS = [
  [90, 'excellent'],
  [80, 'good'],
  [70, 'fair'],
  [60, 'poor'],
  [0, 'critical'],
] as const;

const PLAN_LENGTH = 8;
const SHORT_SUMMARY = 20;
const MOST_STEPS = 30;
const MOST_FIELDS_A_STEP = 12;
const CHOICES: readonly string[] = ['radio', 'dropdown', 'multiselect'];

/** A check: how much of its share is reached, from 0 to 1, and what to say if that is not all. */
interface Check {
  reached: number;
  share: number;
  severity: Issue['severity'];
  message: string;
  advice: string;
}

/** How good a template is, by rules that are the same for every template. */
export function assessHealth(template: Template): Health {
  const checks: Record<Category, Check[]> = {
    metadata: metadata(template),
    step_clarity: ofSteps(template, stepClarity),
    form_fields: formFields(template),
    automation: automation(template),
    deadlines: ofSteps(template, deadlines),
    workflow_logic: ofSteps(template, workflowLogic),
  };
  const names = Object.keys(WEIGHTS) as Category[];
  const categories = Object.fromEntries(
    names.map((name) => [name, { points: pointsOf(checks[name], WEIGHTS[name]), of: WEIGHTS[name] }]),
  ) as Health['categories'];
  const faults = names
    .flatMap((category) =>
      checks[category].map((check) => ({
        category,
        check,
        lost: (1 - check.reached) * check.share * WEIGHTS[category],
      })),
    )
    .filter(({ lost }) => lost > 0)
    .sort((a, b) => b.lost - a.lost);
  const score = Math.round(names.reduce((sum, name) => sum + categories[name].points, 0));
  return {
    score,
    rating: RATINGS.find(([least]) => score >= least)![1],
    categories,
    issues: faults.map(({ category, check: { severity, message, advice } }) => ({
      category,
      severity,
      message,
      advice,
    })),
    improvement_plan: [...new Set(faults.map(({ check: { advice } }) => advice))].slice(0, PLAN_LENGTH),
  };
}

function pointsOf(checks: Check[], weight: number): number {
  const whole = checks.reduce((sum, { share }) => sum + share, 0);
  const part = checks.reduce((sum, { share, reached }) => sum + share * reached, 0);
  return Math.round((whole === 0 ? 1 : part / whole) * weight * 10) / 10;
}

/** Steps that are not there are neither clear nor in time. */
function ofSteps(template: Template, checks: (template: Template) => Check[]): Check[] {
  if (template.steps.length > 0) return checks(template);
  const message = 'There are no steps.';
  return [{ reached: 0, share: 1, severity: 'high', message, advice: 'Divide the work into steps.' }];
}

function metadata({ title, summary, guidance }: Template): Check[] {
  return [
    {
      reached: title.split(' ').length > 1 ? 1 : 0,
      share: 0.3,
      severity: 'medium',
      message: `The title '${title}' has a single word.`,
      advice: 'Give the template a title that tells what it is for.',
    },
    {
      reached: Math.min(1, summary.length / SHORT_SUMMARY),
      share: 0.4,
      severity: 'medium',
      message: summary ? 'The summary is very short.' : 'There is no summary.',
      advice: 'Sum up in a sentence or two when the template is used and what comes of it.',
    },
    {
      reached: guidance ? 1 : 0,
      share: 0.3,
      severity: 'low',
      message: 'There is no guidance.',
      advice: 'Write down for those who launch it how the template is used.',
    },
  ];
}

function stepClarity({ steps }: Template): Check[] {
  const vague = steps.filter(({ title }) => title.split(' ').length < 2);
  const bare = steps.filter(({ summary }) => !summary);
  return [
    {
      reached: share(steps, vague),
      share: 0.5,
      severity: 'medium',
      message: `Steps with titles of a single word: ${names(vague)}.`,
      advice: `Say in the title what is done: ${names(vague)}.`,
    },
    {
      reached: share(steps, bare),
      share: 0.5,
      severity: 'medium',
      message: `Steps without a description: ${names(bare)}.`,
      advice: `Describe how it is done: ${names(bare)}.`,
    },
  ];
}

function formFields({ steps, kickoff }: Template): Check[] {
  const fields = [...kickoff, ...steps.flatMap((step) => step.fields)];
  const unexplained = fields.filter(({ guidance }) => !guidance);
  const choiceless = fields.filter(({ type, options }) => CHOICES.includes(type) && options < 2);
  const crowded = steps.filter(({ fields }) => fields.length > MOST_FIELDS_A_STEP);
  const labels = fields.map(({ label }) => label.toLowerCase());
  const repeated = fields.filter((field, at) => labels.indexOf(field.label.toLowerCase()) !== at);
  return [
    {
      reached: fields.length > 0 ? 1 : 0,
      share: 0.3,
      severity: 'low',
      message: 'No form field records anything.',
      advice: 'Add form fields for what those who do the steps find out: suggest_form_fields_for_step tells which.',
    },
    {
      reached: share(fields, unexplained),
      share: 0.2,
      severity: 'low',
      message: `Form fields without a help text: ${labelsOf(unexplained)}.`,
      advice: `Explain what to fill in: ${labelsOf(unexplained)}.`,
    },
    {
      reached: choiceless.length > 0 ? 0 : 1,
      share: 0.3,
      severity: 'high',
      message: `Form fields to choose from with fewer than two options: ${labelsOf(choiceless)}.`,
      advice: `Add options: ${labelsOf(choiceless)}.`,
    },
    {
      reached: crowded.length > 0 || repeated.length > 0 ? 0 : 1,
      share: 0.2,
      severity: 'low',
      message:
        crowded.length > 0
          ? `Steps with very many form fields: ${names(crowded)}.`
          : `Form fields with the same label: ${labelsOf(repeated)}.`,
      advice:
        crowded.length > 0
          ? `Split what is asked over several steps: ${names(crowded)}.`
          : `Give each form field a label of its own: ${labelsOf(repeated)}.`,
    },
  ];
}

function automation(template: Template): Check[] {
  const { findings, level } = checkAutomations(template);
  const bad = findings.filter(({ kind }) => kind === 'conflict' || kind === 'dangling' || kind === 'dead');
  const needless = findings.filter(({ kind }) => kind === 'redundancy' || kind === 'overlap');
  return [
    {
      reached: 1 / (1 + bad.length),
      share: 0.6,
      severity: 'high',
      message: bad.map(({ message }) => message).join(' '),
      advice: `Correct the automation rules: ${bad.map(({ message, advice }) => `${message} ${advice}`).join(' ')}`,
    },
    {
      reached: 1 / (1 + needless.length),
      share: 0.25,
      severity: 'medium',
      message: needless.map(({ message }) => message).join(' '),
      advice: `Simplify the automation rules: ${needless.map(({ advice }) => advice).join(' ')}`,
    },
    {
      reached: level === 'high' ? 0 : 1,
      share: 0.15,
      severity: 'medium',
      message: 'The automation rules are very many, or very complex.',
      advice: 'Split the template, or merge automation rules: suggest_automation_consolidation tells which.',
    },
  ];
}

function deadlines({ steps }: Template): Check[] {
  const endless = steps.filter(({ deadline }) => !deadline);
  return [
    {
      reached: share(steps, endless),
      share: 1,
      severity: endless.length === steps.length ? 'high' : 'medium',
      message: `Steps without a deadline: ${names(endless)}.`,
      advice: `Set deadlines, for which suggest_step_deadline has proposals: ${names(endless)}.`,
    },
  ];
}

function workflowLogic({ steps }: Template): Check[] {
  const unassigned = steps.filter(({ assignees }) => assignees === 0);
  const titles = steps.map(({ title }) => title.toLowerCase());
  const repeated = steps.filter(({ title }, at) => titles.indexOf(title.toLowerCase()) !== at);
  return [
    {
      reached: steps.length === 1 || steps.length > MOST_STEPS ? 0.5 : 1,
      share: 0.4,
      severity: 'medium',
      message: `The template has ${steps.length === 1 ? 'a single step' : `${steps.length} steps`}.`,
      advice: steps.length > MOST_STEPS ? 'Split the template into several.' : 'Divide the work into steps.',
    },
    {
      reached: share(steps, unassigned),
      share: 0.4,
      severity: 'medium',
      message: `Steps that nobody is assigned to: ${names(unassigned)}.`,
      advice: `Assign them, so that whoever launches it need not: ${names(unassigned)}.`,
    },
    {
      reached: repeated.length > 0 ? 0 : 1,
      share: 0.2,
      severity: 'low',
      message: `Steps with the same title: ${names(repeated)}.`,
      advice: `Tell them apart by their titles: ${names(repeated)}.`,
    },
  ];
}

/** The share of what is without fault; of nothing, it is all. */
function share(all: readonly unknown[], faulty: readonly unknown[]): number {
  return all.length === 0 ? 1 : 1 - faulty.length / all.length;
}

function names(steps: Step[]): string {
  return listed(steps.map(({ title, position }) => title || `step ${position}`));
}

function labelsOf(fields: { label: string }[]): string {
  return listed(fields.map(({ label }) => label));
}

function listed(texts: string[]): string {
  const shown = texts.slice(0, 5).map((text) => `'${text}'`);
  return [...shown, ...(texts.length > 5 ? [`${texts.length - 5} more`] : [])].join(', ');
}
