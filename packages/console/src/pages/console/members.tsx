import type { JSX } from 'preact';
import type { Change, Member } from './facts.ts';
import { PlainTable } from './plain-table.tsx';
import { StateMark } from './state-mark.tsx';
import { age, count, duration, exactly, size } from './words.ts';

interface MembersProps {
  readonly members: readonly Member[];
  readonly now: number;
  /** What happened to it last. */
  readonly last: Change | undefined;
}

/** The processes of a server, or why there is none. */
export function Members({ members, now, last }: MembersProps): JSX.Element {
  if (members.length === 0) {
    const hasFailed = last?.type === 'member.failed' || last?.type === 'upstream.failing';
    return (
      <p class="empty">
        {hasFailed
          ? `Not running: its last start failed ${age(now - last.time)} ago. The next request tries again. Switchboard tries again by itself, unless it was refused.`
          : 'Not started: the first request starts it.'}
      </p>
    );
  }
  return (
    <PlainTable
      label="Members"
      rows={members}
      keyOf={({ slot, pid, startedAt }) => `${slot} ${pid ?? ''} ${startedAt ?? ''}`}
      columns={[
        { label: 'State', title: ({ slot }) => slot, cell: ({ state }) => <StateMark state={state} /> },
        { label: 'Process', right: true, cell: ({ pid }) => pid ?? '–' },
        ...(members.some(({ node }) => node !== undefined)
          ? [{ label: 'Node', cell: ({ node = 'this one' }: Member) => node }]
          : []),
        { label: 'Protocol', cell: ({ era, version }) => [era, version].filter(Boolean).join(' ') || '–' },
        {
          label: 'Age',
          right: true,
          title: ({ startedAt }) => (startedAt === undefined ? '' : exactly(startedAt)),
          cell: ({ startedAt }) => (startedAt === undefined ? '–' : age(now - startedAt)),
        },
        { label: 'In flight', right: true, cell: ({ inFlight }) => inFlight },
        { label: 'Served', right: true, cell: ({ requests }) => count(requests) },
        {
          label: 'Memory',
          right: true,
          cell: ({ memoryBytes }) => (memoryBytes === undefined ? '–' : size(memoryBytes)),
        },
        { label: 'CPU time', right: true, cell: ({ cpuMs }) => (cpuMs === undefined ? '–' : duration(cpuMs)) },
        {
          label: 'Restarts',
          right: true,
          tone: ({ restarts }) => (restarts > 0 ? 'warn' : undefined),
          cell: ({ restarts }) => restarts,
        },
        { label: 'Why the last one ended', wraps: true, cell: ({ lastReason = '' }) => lastReason },
      ]}
    />
  );
}
