import { describe, expect, it } from 'vitest';
import { examplesOf } from '../../src/pages/chat/examples.ts';

const tool = (name: string, server: string, more: object = {}) => ({ name, server, destructive: false, ...more });

describe('examples to begin with', () => {
  it('are made of the tools, one of each server first, and never of one that may destroy something', () => {
    const examples = examplesOf([
      tool('delete_task', 'tasks', { destructive: true }),
      tool('list_tasks', 'tasks', { description: 'Lists the tasks. It pages.' }),
      tool('count_tasks', 'tasks'),
      tool('getWeather', 'weather', { title: 'Weather today' }),
    ]);
    expect(examples.map(({ label, about }) => [label, about])).toEqual([
      ['List tasks', 'Lists the tasks.'],
      ['Weather today', ''],
      ['Count tasks', ''],
    ]);
    expect(examples[0]!.text).toContain('List tasks');
  });

  it('are four at most, with a short sentence each, and none without tools', () => {
    const many = Array.from({ length: 9 }, (_, at) => tool(`tool_${at}`, 'one', { description: 'x'.repeat(500) }));
    expect(examplesOf(many)).toHaveLength(4);
    expect(examplesOf(many)[0]!.about).toHaveLength(90);
    expect(examplesOf([])).toEqual([]);
  });
});
