import { z } from 'zod';
import { assessHealth } from '../advice/health.ts';
import { adviseDeadline } from '../advice/deadlines.ts';
import { adviseFields, adviseKickoff } from '../advice/fields.ts';
import { checkAutomations } from '../advice/automations.ts';
import { readTemplate, type Step, type Template } from '../advice/template.ts';
import type { Api } from '../api.ts';
import { Failure } from '../failure.ts';
import { tool, type Tool } from '../tool.ts';
import { stepId, templateId, timeZone } from './arguments.ts';
import { templateNamed } from './names.ts';
import { count } from './things.ts';

const input = z.object({ template_id: templateId });
const ofStep = z.object({ template_id: templateId, step_id: stepId });
const span = { value: z.int(), unit: z.enum(['days', 'weeks']) };
const stepReference = z.object({ id: z.string(), title: z.string() });
const category = z.object({ points: z.number(), of: z.number() });
const rule = z.object({ id: z.string(), name: z.string(), actions: z.array(z.string()) });
const finding = z.object({
  kind: z.enum(['conflict', 'redundancy', 'overlap', 'dead', 'dangling']),
  rules: z.array(z.string()),
  message: z.string(),
  advice: z.string(),
});
const fieldAdvice = z.object({
  suggestions: z.array(
    z.object({
      label: z.string(),
      field_type: z.string(),
      required: z.boolean(),
      options: z.array(z.string()).optional(),
      guidance: z.string(),
      confidence: z.number(),
      reasoning: z.string(),
    }),
  ),
});

/** Advice on templates, computed here by fixed rules: the same template gets the same advice. */
export const adviceTools: readonly Tool[] = [
  tool({
    name: 'assess_template_health',
    title: 'Assess a template',
    description:
      'Rates a template from 0 to 100 by fixed rules for its metadata, steps, form fields, automation, deadlines and logic, ' +
      'and says what to improve first.',
    effect: 'read',
    input,
    output: z.object({
      score: z.int(),
      rating: z.enum(['excellent', 'good', 'fair', 'poor', 'critical']),
      categories: z.object({
        metadata: category,
        step_clarity: category,
        form_fields: category,
        automation: category,
        deadlines: category,
        workflow_logic: category,
      }),
      issues: z.array(
        z.object({
          category: z.string(),
          severity: z.enum(['high', 'medium', 'low']),
          message: z.string(),
          advice: z.string(),
        }),
      ),
      improvement_plan: z.array(z.string()),
    }),
    run: async ({ template_id }, { api }) => {
      const template = await read(api, template_id);
      const health = assessHealth(template);
      return { text: `'${template.title}' has ${health.score} of 100 points: ${health.rating}.`, data: { ...health } };
    },
  }),
  tool({
    name: 'suggest_step_deadline',
    title: 'Suggest a deadline',
    description: 'Suggests a deadline for a step of a template, by what its words say is done in it.',
    effect: 'read',
    input: ofStep.extend({ time_zone: timeZone }),
    output: z.object({
      step: stepReference,
      deadline: z.object({ ...span, option: z.literal('from') }),
      reasoning: z.string(),
      due_if_launched_now: z.string(),
      alternatives: z.array(z.object({ ...span, when: z.string() })),
    }),
    run: async ({ template_id, step_id, time_zone }, { api, now, timeZone: usual }) => {
      const step = stepIn(await read(api, template_id), step_id);
      const advice = adviseDeadline(step, now(), time_zone ?? usual);
      const { value, unit } = advice.deadline;
      return {
        text: `${count(value, unit.slice(0, -1))} for '${step.title}'.`,
        data: { step: referenceTo(step), ...advice },
      };
    },
  }),
  tool({
    name: 'suggest_form_fields_for_step',
    title: 'Suggest form fields',
    description:
      'Suggests up to five form fields for a step of a template, by its words. add_form_field_to_step adds them.',
    effect: 'read',
    input: ofStep,
    output: fieldAdvice.extend({ step: stepReference }),
    run: async ({ template_id, step_id }, { api }) => {
      const step = stepIn(await read(api, template_id), step_id);
      const suggestions = adviseFields(step);
      return { text: `${count(suggestions.length, 'suggestion')}.`, data: { step: referenceTo(step), suggestions } };
    },
  }),
  tool({
    name: 'suggest_kickoff_fields',
    title: 'Suggest kick-off fields',
    description: 'Suggests up to five kick-off fields for a template, by its words. add_kickoff_field adds them.',
    effect: 'read',
    input,
    output: fieldAdvice,
    run: async ({ template_id }, { api }) => {
      const suggestions = adviseKickoff(await read(api, template_id));
      return { text: `${count(suggestions.length, 'suggestion')}.`, data: { suggestions } };
    },
  }),
  tool({
    name: 'analyze_template_automations',
    title: 'Check the automation rules of a template',
    description:
      'Finds automation rules of a template that contradict each other, do the same, can never do anything, or name what is ' +
      'not there; and tells how complex they are together.',
    effect: 'read',
    input,
    output: z.object({
      rules: z.int(),
      complexity: z.int(),
      level: z.enum(['low', 'medium', 'high']),
      findings: z.array(finding),
    }),
    run: async ({ template_id }, { api }) => {
      const report = checkAutomations(await read(api, template_id));
      const text = `${count(report.rules, 'rule')} of ${report.level} complexity, ${count(report.findings.length, 'finding')}.`;
      return { text, data: { ...report } };
    },
  }),
  tool({
    name: 'suggest_automation_consolidation',
    title: 'Suggest how to merge automation rules',
    description: 'Says which automation rules of a template could be merged or deleted, and how many would be left.',
    effect: 'read',
    input,
    output: z.object({ rules: z.int(), rules_afterwards: z.int(), suggestions: z.array(finding) }),
    run: async ({ template_id }, { api }) => {
      const { rules, findings } = checkAutomations(await read(api, template_id));
      const suggestions = findings.filter(({ kind }) => kind === 'redundancy' || kind === 'overlap');
      // The second of a pair goes, and it may be the second of several pairs.
      const gone = new Set(suggestions.map((suggestion) => suggestion.rules[1]));
      const rules_afterwards = rules - gone.size;
      return {
        text: `${count(rules, 'rule')} could become ${rules_afterwards}.`,
        data: { rules, rules_afterwards, suggestions },
      };
    },
  }),
  tool({
    name: 'get_step_dependencies',
    title: 'What a step depends on',
    description:
      'Tells which automation rules act on a step of a template, on which steps it so depends, and which depend on it.',
    effect: 'read',
    input: ofStep,
    output: z.object({
      step: stepReference,
      rules: z.array(rule),
      depends_on: z.array(stepReference),
      affects: z.array(stepReference),
    }),
    run: async ({ template_id, step_id }, { api }) => {
      const template = await read(api, template_id);
      const step = stepIn(template, step_id);
      const acting = template.rules.filter(({ actions }) => actions.some(({ target }) => target === step_id));
      const own = new Set([step_id, ...step.fields.map(({ id }) => id)]);
      const looking = template.rules.filter(({ conditions }) => conditions.some(({ subject }) => own.has(subject)));
      const depends_on = owners(
        template,
        acting.flatMap(({ conditions }) => conditions.map(({ subject }) => subject)),
        step_id,
      );
      const affects = owners(
        template,
        looking.flatMap(({ actions }) => actions.map(({ target }) => target)),
        step_id,
      );
      const rules = acting.map(({ id, name, actions }) => ({
        id,
        name,
        actions: actions.filter(({ target }) => target === step_id).map(({ verb }) => verb),
      }));
      const text = `'${step.title}' depends on ${count(depends_on.length, 'step')} and affects ${affects.length}.`;
      return { text, data: { step: referenceTo(step), rules, depends_on, affects } };
    },
  }),
  tool({
    name: 'get_step_visibility_conditions',
    title: 'When a step is shown',
    description: 'Tells which automation rules of a template show or hide a step, and under which conditions.',
    effect: 'read',
    input: ofStep,
    output: z.object({
      step: stepReference,
      always_visible: z.boolean(),
      rules: z.array(
        z.object({
          id: z.string(),
          name: z.string(),
          effect: z.enum(['show', 'hide']),
          conditions: z.array(
            z.object({
              subject: z.string(),
              type: z.string(),
              operation: z.string(),
              statement: z.string(),
              logic: z.string(),
            }),
          ),
        }),
      ),
    }),
    run: async ({ template_id, step_id }, { api }) => {
      const template = await read(api, template_id);
      const step = stepIn(template, step_id);
      const rules = template.rules.flatMap(({ id, name, conditions, actions }) =>
        actions
          .filter(({ target, verb }) => target === step_id && (verb === 'show' || verb === 'hide'))
          .map(({ verb }) => ({ id, name, effect: verb, conditions })),
      );
      const text =
        rules.length === 0 ? `'${step.title}' is always shown.` : `${count(rules.length, 'rule')} for '${step.title}'.`;
      return { text, data: { step: referenceTo(step), always_visible: rules.length === 0, rules } };
    },
  }),
];

async function read(api: Api, id: string): Promise<Template> {
  return readTemplate(await templateNamed(api, { id, name: undefined }));
}

function stepIn({ steps, title }: Template, id: string): Step {
  const step = steps.find((step) => step.id === id);
  if (step) return step;
  const there = steps.slice(0, 20).map((step) => `'${step.title}' (${step.id})`);
  throw new Failure(
    'not_found',
    `The template '${title}' has no step ${id}, but ${there.join(', ') || 'none at all'}.`,
  );
}

/** The steps that these ids are of: a step itself, or a form field of it; without the one given. */
function owners({ steps }: Template, ids: string[], except: string): { id: string; title: string }[] {
  return steps
    .filter(({ id, fields }) => id !== except && (ids.includes(id) || fields.some((field) => ids.includes(field.id))))
    .map(referenceTo);
}

function referenceTo({ id, title }: Step): { id: string; title: string } {
  return { id, title };
}
