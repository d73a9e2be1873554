import type { Field, Step, Template } from './template.ts';

export interface FieldAdvice {
  label: string;
  field_type: string;
  required: boolean;
  options?: string[];
  guidance: string;
  /** From 0 to 1. */
  confidence: number;
  reasoning: string;
}

type Proposal = Pick<FieldAdvice, 'label' | 'field_type' | 'required' | 'options' | 'guidance'>;

interface Topic {
  name: string;
  words: RegExp;
  fields: readonly Proposal[];
}

const MOST = 5;

const TOPICS: readonly Topic[] = [
  {
    name: 'an approval',
    words: /\b(approv\w*|review\w*|decid\w*|decision|sign[- ]?off|authori[sz]\w*|accept\w*)\b/gi,
    fields: [
      {
        label: 'Decision',
        field_type: 'radio',
        required: true,
        options: ['Approved', 'Rejected', 'Changes needed'],
        guidance: 'What was decided.',
      },
      { label: 'Reason', field_type: 'textarea', required: false, guidance: 'Why it was decided so.' },
    ],
  },
  {
    name: 'contact with people',
    words: /\b(contact\w*|customer\w*|client\w*|call\w*|email\w*|interview\w*|onboard\w*)\b/gi,
    fields: [
      { label: 'Contact name', field_type: 'text', required: true, guidance: 'First and last name.' },
      { label: 'Contact email', field_type: 'email', required: true, guidance: 'The address to write to.' },
      { label: 'Contact phone', field_type: 'text', required: false, guidance: 'With the country code.' },
    ],
  },
  {
    name: 'documents',
    words: /\b(document\w*|contract\w*|file\w*|upload\w*|attach\w*|report\w*|form\w*|agreement\w*)\b/gi,
    fields: [
      { label: 'Document', field_type: 'file', required: true, guidance: 'The document itself.' },
      { label: 'Document version', field_type: 'text', required: false, guidance: 'Such as 1.2.' },
    ],
  },
  {
    name: 'payment',
    words: /\b(pay\w*|invoice\w*|budget\w*|cost\w*|price\w*|purchas\w*|expense\w*|refund\w*)\b/gi,
    fields: [
      { label: 'Amount', field_type: 'text', required: true, guidance: 'With the currency.' },
      { label: 'Invoice number', field_type: 'text', required: false, guidance: 'As it is on the invoice.' },
      {
        label: 'Payment method',
        field_type: 'dropdown',
        required: false,
        options: ['Bank transfer', 'Card', 'Cash', 'Other'],
        guidance: 'How it is paid.',
      },
    ],
  },
  {
    name: 'quality',
    words: /\b(quality|test\w*|inspect\w*|check\w*|verif\w*|audit\w*|qa)\b/gi,
    fields: [
      { label: 'Result', field_type: 'radio', required: true, options: ['Passed', 'Failed'], guidance: 'How it went.' },
      { label: 'Issues found', field_type: 'textarea', required: false, guidance: 'What has to be corrected.' },
    ],
  },
  {
    name: 'dates',
    words: /\b(schedul\w*|meet\w*|appointment\w*|deadline\w*|date\w*|plan\w*|book\w*|deliver\w*)\b/gi,
    fields: [
      { label: 'Date', field_type: 'date', required: true, guidance: 'When it takes place.' },
      { label: 'Participants', field_type: 'assignees_form', required: false, guidance: 'Who takes part.' },
    ],
  },
];

/** Form fields that a step could ask for, by its words; not those it has. At most five, the surest first. */
export function adviseFields({ title, summary, fields }: Step): FieldAdvice[] {
  return advise(`${title} ${summary}`, fields);
}

/** Kick-off fields that a template could ask for when it is launched, by the words of all of it; not those it has. */
export function adviseKickoff({ title, summary, guidance, steps, kickoff }: Template): FieldAdvice[] {
  const words = [title, summary, guidance, ...steps.map((step) => `${step.title} ${step.summary}`)].join(' ');
  // What is decided or found out later is no use at the start.
  return advise(words, [...kickoff, ...steps.flatMap(({ fields }) => fields)], ['an approval', 'quality']);
}

function advise(words: string, existing: Field[], without: string[] = []): FieldAdvice[] {
  const has = new Set(existing.map(({ label }) => label.toLowerCase()));
  return TOPICS.filter(({ name }) => !without.includes(name))
    .map((topic) => ({
      topic,
      found: [...new Set((words.match(topic.words) ?? []).map((word) => word.toLowerCase()))],
    }))
    .filter(({ found }) => found.length > 0)
    .sort((a, b) => b.found.length - a.found.length)
    .flatMap(({ topic, found }) => topic.fields.map((field) => adviceOf(field, topic, found)))
    .filter(({ label }) => !has.has(label.toLowerCase()))
    .slice(0, MOST);
}

function adviceOf(field: Proposal, { name }: Topic, found: string[]): FieldAdvice {
  const confidence = Math.min(90, 30 + 20 * found.length) / 100;
  return { ...field, confidence, reasoning: `It is about ${name}: ${found.join(', ')}.` };
}
