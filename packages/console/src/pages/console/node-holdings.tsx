import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask } from './api.ts';
import type { Node, NodeFacts } from './facts.ts';
import type { Page } from './page.ts';
import { counted, duration, size } from './words.ts';

/** How often nodes are asked: their leases are renewed every second, what they hold changes seldom. */
const ASK_MS = 3000;
/** The store is behind by more than this only when it does not keep up. */
const LATE_MS = 1000;

/** What each node says of itself, asked again while the page is seen. */
function useHoldings(page: Page): { facts?: readonly NodeFacts[]; wrong?: string } {
  const [found, setFound] = useState<{ facts?: readonly NodeFacts[]; wrong?: string }>({});
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      if (!document.hidden) {
        await ask<readonly NodeFacts[]>('nodes').then(
          (facts) => over || setFound({ facts }),
          (error: Error) => over || page.isOver(error) || setFound((before) => ({ ...before, wrong: error.message })),
        );
        if (over) return;
      }
      timer = setTimeout(() => void look(), ASK_MS);
    };
    void look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);
  return found;
}

const byName = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, times]) => `${name} ${times}`)
    .join(', ');

/** Owners and leases: which node has which members and how many sessions, for how long its lease holds, and how far the store is behind it. */
export function NodeHoldings({ page, nodes }: { readonly page: Page; readonly nodes: readonly Node[] }): JSX.Element {
  const { facts, wrong } = useHoldings(page);
  return (
    <section class="panel below">
      <h2>
        What each node holds <span class="hint">as each node says itself</span>
      </h2>
      {wrong !== undefined && (
        <p class="banner bad" role="alert">
          {wrong}
        </p>
      )}
      <div class="scrolls" tabIndex={0} role="region" aria-label="What each node holds" aria-busy={facts === undefined}>
        <table class="plain">
          <thead>
            <tr>
              <th>Node</th>
              <th>Lease</th>
              <th class="right">Sessions</th>
              <th class="right">Requests</th>
              <th>Members here</th>
              <th>Members elsewhere</th>
              <th class="right">Lent</th>
              <th class="right">Store lag</th>
              <th class="right">Memory</th>
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <Holding
                key={node.id}
                node={node}
                facts={facts?.find(({ id }) => id === node.id)}
                isKnown={facts !== undefined}
              />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Holding({
  node,
  facts,
  isKnown,
}: {
  readonly node: Node;
  readonly facts: NodeFacts | undefined;
  readonly isKnown: boolean;
}): JSX.Element {
  if (facts === undefined) {
    return (
      <tr>
        <td>
          <strong>{node.name}</strong>
        </td>
        <td class={isKnown ? 'warn' : undefined} colSpan={8}>
          {isKnown ? 'did not answer: it may be busy, or other nodes do not reach it at its URL' : 'asking…'}
        </td>
      </tr>
    );
  }
  const { leaseEndsInMs, epoch, sessions, requests, members, elsewhere, lent, owned, storeLagMs, memoryBytes } = facts;
  return (
    <tr>
      <td>
        <strong>{node.name}</strong>
      </td>
      <td class={leaseEndsInMs === 0 ? 'warn' : undefined} title={epoch === undefined ? undefined : `epoch ${epoch}`}>
        {leaseEndsInMs === undefined
          ? 'none'
          : leaseEndsInMs === 0
            ? 'not renewed'
            : `holds ${duration(leaseEndsInMs)} more`}
      </td>
      <td class="right">{sessions}</td>
      <td class="right">{requests}</td>
      <td class="wraps" title={`owner of ${counted(owned, 'place')}`}>
        {byName(members) || 'none'}
      </td>
      <td class="wraps">{byName(elsewhere) || 'none'}</td>
      <td class="right" title="parts that other nodes have in its members">
        {lent}
      </td>
      <td class={storeLagMs > LATE_MS ? 'right warn' : 'right'}>{storeLagMs === 0 ? 'none' : duration(storeLagMs)}</td>
      <td class="right">{size(memoryBytes)}</td>
    </tr>
  );
}
