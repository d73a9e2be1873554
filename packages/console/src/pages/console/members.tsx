import type { JSX } from 'preact';
import type { Change, Member } from './facts.ts';
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
          ? `Not running: its last start failed ${age(now - last.time)} ago. The next request tries again.`
          : 'Not started: the first request starts it.'}
      </p>
    );
  }
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label="Members">
      <table class="plain">
        <thead>
          <tr>
            <th>State</th>
            <th class="right">Process</th>
            <th>Protocol</th>
            <th class="right">Age</th>
            <th class="right">In flight</th>
            <th class="right">Served</th>
            <th class="right">Memory</th>
            <th class="right">CPU time</th>
            <th class="right">Restarts</th>
            <th>Why the last one ended</th>
          </tr>
        </thead>
        <tbody>
          {members.map((member) => (
            <tr key={`${member.slot} ${member.pid ?? ''} ${member.startedAt ?? ''}`} title={member.slot}>
              <td>
                <StateMark state={member.state} />
              </td>
              <td class="right">{member.pid ?? '–'}</td>
              <td>{[member.era, member.version].filter(Boolean).join(' ') || '–'}</td>
              <td class="right">
                {member.startedAt === undefined ? (
                  '–'
                ) : (
                  <span title={exactly(member.startedAt)}>{age(now - member.startedAt)}</span>
                )}
              </td>
              <td class="right">{member.inFlight}</td>
              <td class="right">{count(member.requests)}</td>
              <td class="right">{member.memoryBytes === undefined ? '–' : size(member.memoryBytes)}</td>
              <td class="right">{member.cpuMs === undefined ? '–' : duration(member.cpuMs)}</td>
              <td class={`right${member.restarts > 0 ? ' warn' : ''}`}>{member.restarts}</td>
              <td class="wraps">{member.lastReason ?? ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
