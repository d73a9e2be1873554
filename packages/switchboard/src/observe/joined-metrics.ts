/** The metrics of several processes as one text of Prometheus: each sample gets a label with the name of its node. */

/** What is said of one metric: how it is called, and its samples. */
interface Family {
  head: string[];
  samples: string[];
}

const HEAD = /^# (?:HELP|TYPE) (\S+)/;
const SAMPLE = /^([A-Za-z_:][\w:]*)(\{)?(.*)$/s;
/** What the names of a histogram's samples have behind its own. */
const PART = /_(?:bucket|sum|count)$/;

/** @param texts of nodes, as each of them gives its own. */
export function joinedMetrics(texts: readonly { node: string; text: string }[]): string {
  const families = new Map<string, Family>();
  const family = (name: string): Family => {
    const known = families.get(name) ?? { head: [], samples: [] };
    families.set(name, known);
    return known;
  };
  for (const { node, text } of texts) {
    for (const line of text.split('\n')) {
      const named = HEAD.exec(line)?.[1];
      if (named !== undefined) {
        const { head } = family(named);
        if (!head.includes(line)) head.push(line);
        continue;
      }
      const [, name = '', brace, rest = ''] = SAMPLE.exec(line) ?? [];
      if (name === '') continue;
      const whole = name.replace(PART, '');
      const label = `node=${JSON.stringify(node)}`;
      const labelled = brace === undefined ? `${name}{${label}}${rest}` : `${name}{${label},${rest}`;
      family(families.has(whole) ? whole : name).samples.push(labelled);
    }
  }
  return [...families.values()].map(({ head, samples }) => [...head, ...samples, ''].join('\n')).join('\n');
}
