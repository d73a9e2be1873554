/** The files of deploy/ fit together, and name only what Switchboard has. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { readConfig } from '../../src/cli/config.ts';
import { settingsFromEnvironment } from '../../src/cli/environment.ts';
import { flagOf } from '../../src/cli/flags.ts';
import { OPTIONS, OPTION_NAMES, readSettings } from '../../src/gateway/options.ts';
import { parseDuration } from '../../src/util/units.ts';
import { root } from '../support/gateway.ts';
import { labelsIn, labelsOf, namesIn, unknownIn } from '../support/queries.ts';

type Labels = Record<string, string>;

/** What is looked at in a deployment. */
interface Deployment {
  spec: {
    selector: { matchLabels: Labels };
    template: {
      metadata: { labels: Labels };
      spec: {
        securityContext: { runAsNonRoot: boolean };
        terminationGracePeriodSeconds: number;
        topologySpreadConstraints: [{ labelSelector: { matchLabels: Labels } }];
        containers: [
          {
            env: { name: string; value?: string }[];
            ports: [{ name: string }];
            readinessProbe: { httpGet: object };
            livenessProbe: { httpGet: object };
            lifecycle: { preStop: { exec: { command: [string, string] } } };
            securityContext: object;
          },
        ];
      };
    };
  };
}

const folder = join(root, 'deploy');
const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** The documents of a file of YAML. */
const yaml = <T>(name: string): T[] =>
  parseAllDocuments(read(name)).map((document) => {
    expect('errors' in document ? document.errors : [], name).toEqual([]);
    return (document as { toJS(): T }).toJS();
  });

const deployment = (): Deployment => yaml<Deployment>('kubernetes/deployment.yaml')[0]!;
/** What both ways to run several nodes give in the environment. */
const variables = { SWITCHBOARD_STORE: 'redis://redis:6379', SWITCHBOARD_CLUSTER_KEY: 'k'.repeat(64) };

/** The time to drain that a configuration has, in seconds; with what the environment adds, it must be one that starts. */
function drainOf(name: string, environment: Record<string, string>): number {
  const { settings: own } = readConfig(read(name), name, environment, {});
  const { settings, problems } = readSettings({ ...own, ...settingsFromEnvironment(environment) });
  expect(problems, name).toEqual([]);
  expect(settings.peerListen).toMatch(/:8766$/);
  return settings.drainTimeout / 1000;
}

const seconds = (text: unknown): number => (parseDuration(String(text)) ?? 0) / 1000;

describe('every file of deploy/', () => {
  it('is read as what it is', () => {
    const files = names.map((name) => name.slice(folder.length + 1)).filter((name) => /\.ya?ml$/.test(name));
    expect(files).toHaveLength(8);
    for (const file of files) expect(yaml(file).length, file).toBeGreaterThan(0);
  });

  it('gives serve only flags that it has', () => {
    const known = new Set(['--config', ...OPTION_NAMES.map(flagOf)]);
    const used = names.flatMap((name) => {
      const commands = readFileSync(name, 'utf8')
        .replaceAll(/>-\n\s*|\n {6}(?=--)/g, ' ')
        .match(/\bserve --?[^\n]*/g);
      return commands?.flatMap((command) => command.match(/(?<= )--[\w-]+/g) ?? []) ?? [];
    });
    expect(new Set(used).size).toBeGreaterThan(3);
    expect(used.filter((flag) => !known.has(flag))).toEqual([]);
  });

  it('uses the port that Switchboard has by itself', () => {
    // The others are those for other nodes, and of Redis.
    const ports = [String(OPTIONS.port.fallback), '8766', '6379'];
    for (const name of names) {
      const found =
        readFileSync(name, 'utf8').match(/(?<=127\.0\.0\.1:|switchboard:|EXPOSE |containerPort: )\d{4,5}/g) ?? [];
      expect(
        found.filter((each) => !ports.includes(each)),
        name,
      ).toEqual([]);
    }
  });

  it('asks whether it lives at /livez, and whether it serves at /readyz without its upstreams', () => {
    const asking = names.filter((name) => !name.endsWith('alerts.yaml'));
    const asked = asking.flatMap(
      (name) =>
        readFileSync(name, 'utf8')
          .replaceAll(/^\s*#.*$/gm, '')
          .match(/\/(?:livez|readyz|healthz?|status)(?:\?\w+=\w+)?\b/g) ?? [],
    );
    expect([...new Set(asked)].toSorted()).toEqual(['/livez', '/readyz?exclude=upstreams']);
  });
});

describe('the image', () => {
  const lines = read('Dockerfile').split('\n');

  it('is made of a base of one version, and runs as somebody who is not root', () => {
    expect(lines.filter((line) => line.startsWith('FROM '))).toEqual(['FROM ${NODE} AS build', 'FROM ${NODE}']);
    expect(lines).toContainEqual(expect.stringMatching(/^ARG NODE=node:\d+\.\d+\.\d+-\w+-slim$/));
    expect(lines).toContain('USER 1000:1000');
  });

  it('gets no file that is not needed, or secret', () => {
    const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['.git', '**/node_modules', '**/.env', '**/*.pem', 'deploy']));
  });
});

describe('compose', () => {
  it('restricts what runs, gives it time to drain, and has no secret in it', () => {
    type Service = { stop_grace_period: string; environment: Record<string, string> };
    const { services } = yaml<{ services: Record<string, Service> }>('compose/compose.yaml')[0]!;
    for (const [name, service] of Object.entries(services)) {
      expect(service, name).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
    }
    const { stop_grace_period: grace, environment } = services['switchboard']!;
    expect(seconds(grace)).toBeGreaterThan(
      drainOf('compose/switchboard.json', { ...variables, SWITCHBOARD_PEER_URL: 'http://c0ffee:8766' }),
    );
    for (const name of ['SWITCHBOARD_TOKEN', 'SWITCHBOARD_CLUSTER_KEY']) {
      expect(environment[name]).toMatch(new RegExp(`^\\$\\{${name}:\\?`));
    }
  });

  it('has a balancer that is set as haproxy.cfg, but for where Switchboard is', () => {
    const sections = (name: string): Record<string, string> =>
      Object.fromEntries(
        read(name)
          .replaceAll(/\s*#.*$/gm, '')
          .split(/\n(?=\w)/)
          .map((section): [string, string] => [section.split('\n', 1)[0]!.trim(), section.trim()]),
      );
    const [alone, together] = [sections('haproxy.cfg'), sections('compose/haproxy.cfg')];
    for (const section of ['global', 'defaults', 'frontend mcp']) expect(together[section]).toBe(alone[section]);
    const checks = (text = ''): string[] =>
      text.split('\n').filter((line) => /check/.test(line) && !/server/.test(line));
    expect(checks(together['backend switchboard'])).toEqual(checks(alone['backend switchboard']));
  });
});

describe('the base for Kubernetes', () => {
  it('names its files, and its budget and its pods have one label', () => {
    type Kustomization = { resources: string[]; configMapGenerator: [{ files: string[] }] };
    const { resources, configMapGenerator } = yaml<Kustomization>('kubernetes/kustomization.yaml')[0]!;
    const files = names.map((name) => name.slice(folder.length + 1)).filter((name) => name.startsWith('kubernetes/'));
    const named = ['kustomization.yaml', ...resources, ...configMapGenerator[0].files];
    expect(files.toSorted()).toEqual(named.map((name) => `kubernetes/${name}`).toSorted());
    const { selector, template } = deployment().spec;
    const [spread] = template.spec.topologySpreadConstraints;
    const services = yaml<{ spec: { selector: Labels } }>('kubernetes/services.yaml').map(({ spec }) => spec.selector);
    const [budget] = yaml<{ spec: { selector: { matchLabels: Labels } } }>('kubernetes/disruption-budget.yaml');
    const all = [selector.matchLabels, spread.labelSelector.matchLabels, budget!.spec.selector.matchLabels];
    for (const each of [...all, ...services]) expect(each).toEqual(template.metadata.labels);
  });

  it('restricts the pod, checks it, and gives it time to drain', () => {
    const { template } = deployment().spec;
    const [container] = template.spec.containers;
    const { readinessProbe, livenessProbe, lifecycle, securityContext, ports } = container;
    expect(template.spec.securityContext.runAsNonRoot).toBe(true);
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    for (const { httpGet } of [readinessProbe, livenessProbe]) {
      expect(httpGet).toMatchObject({ port: ports[0].name, httpHeaders: [{ name: 'Host', value: 'localhost' }] });
    }
    const given = container.env.map(({ name, value = 'a' }) => [name, value.replace('$(POD_IP)', '10.0.0.1')]);
    const environment = { ...variables, ...(Object.fromEntries(given) as Record<string, string>) };
    const drain = drainOf('kubernetes/switchboard.json', environment);
    const [, wait] = lifecycle.preStop.exec.command;
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(drain + Number(wait));
    type Service = { spec: { clusterIP?: string; ports: [{ targetPort: string }] } };
    const [service, pods] = yaml<Service>('kubernetes/services.yaml');
    for (const each of [service, pods]) expect(each!.spec.ports[0].targetPort).toBe(ports[0].name);
    expect(pods!.spec.clusterIP).toBe('None');
  });
});

describe('the unit of systemd', () => {
  it('gives Switchboard time to drain', () => {
    const unit = read('switchboard.service');
    const [, drain] = /--drain-timeout (\w+)/.exec(unit)!;
    const [, stop] = /^TimeoutStopSec=(\d+)$/m.exec(unit)!;
    expect(Number(stop)).toBeGreaterThan(seconds(drain));
  });
});

describe('the alerts', () => {
  type Rules = { groups: { rules: { alert: string; expr: string; annotations: object }[] }[] };
  const rules = yaml<Rules>('prometheus-alerts.yaml').flatMap(({ groups }) => groups.flatMap((group) => group.rules));

  it('use only metrics and labels that /metrics has', async () => {
    expect(rules.length).toBeGreaterThan(5);
    expect(await unknownIn(rules.map(({ expr }) => expr))).toEqual([]);
    for (const { expr, annotations } of rules) {
      expect(labelsOf(expr), expr).toEqual(expect.arrayContaining(labelsIn(expr)));
      const shown = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label!);
      expect(namesIn(expr).length > 0 ? labelsOf(expr) : [], expr).toEqual(expect.arrayContaining(shown));
    }
  });

  it('have parentheses and braces that end', () => {
    for (const { expr } of rules) {
      for (const pair of ['()', '{}', '[]'] as const) {
        expect(expr.split(pair[0]!).length, expr).toBe(expr.split(pair[1]!).length);
      }
    }
  });
});
