import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Ask } from './ask.tsx';
import type { Node } from './facts.ts';
import { NodeHoldings } from './node-holdings.tsx';
import type { Page } from './page.ts';
import { StateMark } from './state-mark.tsx';
import { age, exactly } from './words.ts';

const GUIDE = 'https://github.com/mcp-switchboard/switchboard/blob/main/docs/guide/many-nodes.md';

/** What to do to have several. */
function Alone(): JSX.Element {
  return (
    <div class="scroll alone">
      <h2>This Switchboard runs alone</h2>
      <p>
        Several can be one cluster: clients connect to any of them, a session goes on at another node when its own ends,
        and limits are counted once for all. They need a store that all of them reach, and a key that they share:
      </p>
      <pre tabIndex={0}>
        <code>
          {
            'export SWITCHBOARD_CLUSTER_KEY="$(openssl rand -base64 48)"\nswitchboard serve --config switchboard.json \\\n  --store redis://redis.internal:6379 --peer-listen 10.0.0.1:8766 --node-name a'
          }
        </code>
      </pre>
      <p>
        <a href={GUIDE} target="_blank" rel="noreferrer">
          The guide to many nodes
        </a>{' '}
        has every step.
      </p>
    </div>
  );
}

function DrainNode({
  page,
  node,
  onClose,
}: {
  readonly page: Page;
  readonly node: Node;
  onClose(): void;
}): JSX.Element {
  const { id, name, self } = node;
  return (
    <Ask
      title={`Drain ${name}`}
      action="Drain and stop it"
      grave
      onClose={onClose}
      onDo={() =>
        void page.act('drain', { query: { node: id }, body: {} }, `${name} drains: its sessions go on at other nodes.`)
      }
    >
      <p>
        It accepts no new clients, its sessions go on at other nodes, and it ends when its running calls have ended.
        This page cannot start it again{self ? ', and it is served by this very node: open it at another one' : ''}.
      </p>
    </Ask>
  );
}

export function Nodes({ page }: { readonly page: Page }): JSX.Element {
  const { state } = page.live!;
  const [drained, setDrained] = useState<Node>();
  const nodes = state.status?.nodes;
  if (state.status === undefined) return <p class="empty">Loading…</p>;
  if (nodes === undefined) return <Alone />;
  const now = Date.now() + state.clockSkewMs;
  const own = nodes.find(({ self }) => self);
  const versions = new Set(nodes.map(({ version }) => version));
  return (
    <div class="scroll">
      {versions.size > 1 && (
        <p class="banner warn-banner">
          The nodes have several versions. That is fine while you upgrade one after the other.
        </p>
      )}
      <div class="scrolls" tabIndex={0} role="region" aria-label="Nodes">
        <table class="plain">
          <thead>
            <tr>
              <th>Node</th>
              <th>State</th>
              <th>Version</th>
              <th>Servers</th>
              <th class="right">Up</th>
              <th>Reached by others at</th>
              <th>Id</th>
              {page.mayAct && <th aria-label="Actions" />}
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <tr key={node.id}>
                <td>
                  <strong>{node.name}</strong> {node.self && <span class="hint">this one</span>}
                </td>
                <td>
                  <StateMark state={node.state} />
                </td>
                <td>{node.version}</td>
                <td class={node.sameUpstreams ? undefined : 'warn'}>
                  {node.sameUpstreams ? 'as here' : 'configured otherwise than here'}
                </td>
                <td class="right" title={exactly(node.startedAt)}>
                  {age(now - node.startedAt)}
                </td>
                <td>{node.url}</td>
                <td>
                  <code>{node.id.slice(0, 8)}</code>
                </td>
                {page.mayAct && (
                  <td class="right">
                    <button
                      type="button"
                      class="danger"
                      disabled={node.state === 'draining'}
                      onClick={() => setDrained(node)}
                    >
                      Drain…
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <NodeHoldings page={page} nodes={nodes} />
      <p class="hint below">
        A node that does not renew its lease in the store goes from this list, and others go on with its sessions. The
        other views show what {own?.name ?? 'this node'} has alone; <code>switchboard sessions</code>,{' '}
        <code>requests</code>, <code>upstreams</code> and <code>people</code> list those of all nodes.
      </p>
      {drained !== undefined && <DrainNode page={page} node={drained} onClose={() => setDrained(undefined)} />}
    </div>
  );
}
