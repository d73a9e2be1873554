import type { Action, Condition, Rule, Template } from './template.ts';

/** Something about two rules, or about one. */
export interface Finding {
  kind: 'conflict' | 'redundancy' | 'overlap' | 'dead' | 'dangling';
  rules: string[];
  message: string;
  advice: string;
}

export interface AutomationReport {
  rules: number;
  /** From 0 to 100. */
  complexity: number;
  level: 'low' | 'medium' | 'high';
  findings: Finding[];
}

/** Rules whose conditions are as alike as this are taken to hold at the same time. */
const ALIKE = 0.7;

/** Verbs that undo each other on the same step. */
const OPPOSITES: readonly (readonly [string, string])[] = [
  ['show', 'hide'],
  ['assign', 'clear_assignees'],
  ['assign', 'unassign'],
  ['assign_only', 'clear_assignees'],
  ['assign_only', 'assign'],
];

/** Looks for rules that contradict, repeat or overlap each other, and for those that can never do anything. */
export function checkAutomations({ rules, steps, kickoff }: Template): AutomationReport {
  const known = new Set([
    ...steps.flatMap(({ id, fields }) => [id, ...fields.map((field) => field.id)]),
    ...kickoff.map(({ id }) => id),
  ]);
  // Without its fields, a step cannot tell whether a condition on a field is on one that is there.
  const fieldsAreKnown = steps.some(({ fields }) => fields.length > 0);
  const findings = [
    ...pairs(rules).flatMap(([one, other]) => comparing(one, other)),
    ...rules.flatMap((rule) => dead(rule)),
    ...rules.flatMap((rule) => dangling(rule, known, fieldsAreKnown)),
  ];
  const complexity = complexityOf(rules, findings);
  return {
    rules: rules.length,
    complexity,
    level: complexity < 30 ? 'low' : complexity < 70 ? 'medium' : 'high',
    findings,
  };
}

function complexityOf(rules: Rule[], findings: Finding[]): number {
  const conditions = rules.reduce((sum, rule) => sum + rule.conditions.length, 0);
  const actions = rules.reduce((sum, rule) => sum + rule.actions.length, 0);
  const of = (kind: Finding['kind']): number => findings.filter((finding) => finding.kind === kind).length;
  const points = 5 * rules.length + 2 * conditions + 2 * actions + 15 * of('conflict') + 10 * of('redundancy');
  return Math.min(100, points);
}

function comparing(one: Rule, other: Rule): Finding[] {
  const rules = [one.id, other.id];
  const names = `'${one.name}' and '${other.name}'`;
  const alike = similarity(one.conditions, other.conditions);
  const same = alike === 1;
  if (same && sameSet(one.actions.map(written), other.actions.map(written))) {
    const message = `${names} have the same conditions and do the same.`;
    return [{ kind: 'redundancy', rules, message, advice: `Delete '${other.name}'.` }];
  }
  const clash = alike > ALIKE ? contradiction(one, other) : undefined;
  if (clash) {
    const message = `${names} hold ${same ? 'under the same conditions' : 'mostly at the same time'}, and ${clash}.`;
    return [
      { kind: 'conflict', rules, message, advice: 'Make the conditions exclude each other, or delete one of the two.' },
    ];
  }
  if (!same) return [];
  const message = `${names} have the same conditions.`;
  const advice = `Move the actions of '${other.name}' into '${one.name}', and delete '${other.name}'.`;
  return [{ kind: 'overlap', rules, message, advice }];
}

function contradiction(one: Rule, other: Rule): string | undefined {
  for (const a of one.actions) {
    for (const b of other.actions) {
      if (a.target !== b.target || a.target === '') continue;
      const opposite = OPPOSITES.some(([x, y]) => (a.verb === x && b.verb === y) || (a.verb === y && b.verb === x));
      if (opposite) return `one does ${a.verb} and the other ${b.verb} to the same step`;
      if (a.verb === b.verb && a.verb !== '' && a.detail !== b.detail)
        return `they ${a.verb} the same step differently`;
    }
  }
  return undefined;
}

/** Conditions that can never hold, and actions that prevent themselves. */
function dead({ id, name, conditions, actions }: Rule): Finding[] {
  const rules = [id];
  const findings: Finding[] = [];
  if (conditions.length === 0 || actions.length === 0) {
    const missing = conditions.length === 0 ? 'condition' : 'action';
    findings.push({
      kind: 'dead',
      rules,
      message: `'${name}' has no ${missing}.`,
      advice: `Add one, or delete the rule.`,
    });
  }
  if (conditions.some(({ type, statement }) => type === 'Step' && statement === '')) {
    const message = `'${name}' has a condition on a step without a time, which never holds.`;
    findings.push({ kind: 'dead', rules, message, advice: "Give the condition the statement 'any_time'." });
  }
  const shown = actions.filter(({ verb }) => verb === 'show').map(({ target }) => target);
  const itself = conditions.find(
    ({ type, operation, subject }) => type === 'Step' && operation === 'completed' && shown.includes(subject),
  );
  if (itself) {
    const message = `'${name}' shows a step when that same step is completed.`;
    findings.push({ kind: 'dead', rules, message, advice: 'Let the condition look at a step before it.' });
  }
  return findings;
}

function dangling({ id, name, conditions, actions }: Rule, known: Set<string>, fieldsAreKnown: boolean): Finding[] {
  const subjects = conditions.filter(({ type }) => fieldsAreKnown || type !== 'Capture').map(({ subject }) => subject);
  const targets = actions.map(({ target }) => target);
  const gone = [...new Set([...subjects, ...targets])].filter((one) => one !== '' && !known.has(one));
  if (gone.length === 0) return [];
  const message = `'${name}' names ${gone.join(', ')}, which the template does not have.`;
  return [{ kind: 'dangling', rules: [id], message, advice: 'Correct the rule, or delete it.' }];
}

/** How much two lists of conditions have in common, from 0 to 1. */
export function similarity(one: Condition[], other: Condition[]): number {
  const [a, b] = [new Set(one.map(condition)), new Set(other.map(condition))];
  const all = new Set([...a, ...b]);
  const common = [...a].filter((entry) => b.has(entry));
  return all.size === 0 ? 0 : common.length / all.size;
}

function condition({ subject, type, operation, statement, logic }: Condition): string {
  return JSON.stringify([subject, type, operation, statement.toLowerCase(), logic]);
}

function written({ type, verb, target, detail }: Action): string {
  return JSON.stringify([type, verb, target, detail]);
}

function sameSet(one: string[], other: string[]): boolean {
  return one.length === other.length && one.every((entry) => other.includes(entry));
}

function pairs<T>(list: readonly T[]): [T, T][] {
  return list.flatMap((one, at) => list.slice(at + 1).map((other): [T, T] => [one, other]));
}
