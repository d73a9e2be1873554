/** The one table of metrics: what each is called, counts and is split by. `docs/reference/metrics.md` is compared with it by a test. */
export interface MetricEntry {
  type: 'counter' | 'gauge' | 'histogram';
  labels: readonly string[];
  help: string;
}

export type MetricName =
  | 'switchboard_build_info'
  | 'switchboard_connections'
  | 'switchboard_connections_total'
  | 'switchboard_sessions'
  | 'switchboard_sessions_total'
  | 'switchboard_requests_total'
  | 'switchboard_requests_in_flight'
  | 'switchboard_request_duration_seconds'
  | 'switchboard_request_errors_total'
  | 'switchboard_refusals_total'
  | 'switchboard_parked'
  | 'switchboard_client_bytes_total'
  | 'switchboard_client_queue_bytes'
  | 'switchboard_replay_bytes'
  | 'switchboard_members'
  | 'switchboard_member_starts_total'
  | 'switchboard_member_start_seconds'
  | 'switchboard_member_restarts_total'
  | 'switchboard_member_failures_total'
  | 'switchboard_member_exits_total'
  | 'switchboard_member_memory_bytes'
  | 'switchboard_strays_total'
  | 'switchboard_audit_lost_total'
  | 'switchboard_nodes'
  | 'switchboard_forwarded_requests_total'
  | 'switchboard_store_away'
  | 'switchboard_store_operation_seconds'
  | 'switchboard_store_errors_total'
  | 'switchboard_store_lag_seconds'
  | 'switchboard_store_garbage_total'
  | 'switchboard_leases_lost_total'
  | 'switchboard_fenced_writes_total'
  | 'switchboard_takeovers_total'
  | 'switchboard_internal_errors_total';

export const METRICS: Readonly<Record<MetricName, MetricEntry>> = {
  switchboard_build_info: { type: 'gauge', labels: ['version'], help: 'Always 1; the version of Switchboard' },
  switchboard_connections: {
    type: 'gauge',
    labels: ['transport'],
    help: 'Connections of clients that are open: WebSockets, SSE streams, pipes',
  },
  switchboard_connections_total: {
    type: 'counter',
    labels: ['transport'],
    help: 'Connections of clients that were opened',
  },
  switchboard_sessions: { type: 'gauge', labels: ['upstream', 'transport'], help: 'Legacy sessions that are open' },
  switchboard_sessions_total: {
    type: 'counter',
    labels: ['upstream', 'transport'],
    help: 'Legacy sessions that were opened',
  },
  switchboard_requests_total: {
    type: 'counter',
    labels: ['upstream', 'method', 'tool', 'transport', 'era', 'outcome'],
    help: 'Requests that have ended: ok, isError (a tool says that it failed), error, cancelled',
  },
  switchboard_requests_in_flight: { type: 'gauge', labels: ['upstream'], help: 'Requests that are running' },
  switchboard_request_duration_seconds: {
    type: 'histogram',
    labels: ['upstream', 'method', 'tool'],
    help: 'Time from the opening of a request to its end, without subscriptions/listen',
  },
  switchboard_request_errors_total: {
    type: 'counter',
    labels: ['upstream', 'code'],
    help: "Requests that ended with an error: Switchboard's by name, others by number",
  },
  switchboard_refusals_total: {
    type: 'counter',
    labels: ['code'],
    help: 'Connections and messages that were refused before they reached an upstream, by the name of the error',
  },
  switchboard_parked: {
    type: 'gauge',
    labels: [],
    help: 'Requests whose client was asked something and has not come back',
  },
  switchboard_client_bytes_total: {
    type: 'counter',
    labels: ['direction'],
    help: 'Bytes on the TCP connections of clients, in and out, with all framing',
  },
  switchboard_client_queue_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Bytes that wait for clients which have not read them yet',
  },
  switchboard_replay_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Bytes of events kept for clients of legacy HTTP sessions that come back',
  },
  switchboard_members: {
    type: 'gauge',
    labels: ['upstream', 'state'],
    help: 'Members of an upstream: running is all that were started and have not ended, ready those that serve',
  },
  switchboard_member_starts_total: { type: 'counter', labels: ['upstream'], help: 'Members that were started' },
  switchboard_member_start_seconds: {
    type: 'histogram',
    labels: ['upstream'],
    help: 'Time until a member that was needed was ready',
  },
  switchboard_member_restarts_total: {
    type: 'counter',
    labels: ['upstream'],
    help: 'Members that took the place of one that ended',
  },
  switchboard_member_failures_total: {
    type: 'counter',
    labels: ['upstream'],
    help: 'Times that no member could be had',
  },
  switchboard_member_exits_total: {
    type: 'counter',
    labels: ['upstream', 'expected'],
    help: 'Members that ended; expected is false when nobody meant them to',
  },
  switchboard_member_memory_bytes: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'Resident memory of the child processes of an upstream, where it is known',
  },
  switchboard_strays_total: {
    type: 'counter',
    labels: ['upstream'],
    help: 'Messages of servers that are none, or answer nothing that was asked',
  },
  switchboard_audit_lost_total: { type: 'counter', labels: [], help: 'Lines of the audit log that were lost' },
  switchboard_nodes: { type: 'gauge', labels: [], help: 'Other nodes of the cluster that this one sees' },
  switchboard_forwarded_requests_total: {
    type: 'counter',
    labels: ['upstream'],
    help: 'HTTP requests that were passed on to the node that has their session or their parked call',
  },
  switchboard_store_away: { type: 'gauge', labels: [], help: '1 while the store cannot be used, else 0' },
  switchboard_store_operation_seconds: {
    type: 'histogram',
    labels: ['operation'],
    help: 'Time that an operation of the store takes',
  },
  switchboard_store_errors_total: {
    type: 'counter',
    labels: ['operation'],
    help: 'Operations of the store that failed',
  },
  switchboard_store_lag_seconds: {
    type: 'gauge',
    labels: [],
    help: 'How long the message has waited that waits longest to be written to the store',
  },
  switchboard_store_garbage_total: {
    type: 'counter',
    labels: [],
    help: 'Records in the store that were not what they should be, or had no seal of the cluster, and were dropped',
  },
  switchboard_leases_lost_total: {
    type: 'counter',
    labels: [],
    help: 'Times that the lease of this node had ended before it was renewed',
  },
  switchboard_fenced_writes_total: {
    type: 'counter',
    labels: [],
    help: 'Writes to the store that were refused, as another node has the lease or the log',
  },
  switchboard_takeovers_total: {
    type: 'counter',
    labels: ['upstream', 'transport'],
    help: 'Legacy sessions that another process had opened and that go on here',
  },
  switchboard_internal_errors_total: { type: 'counter', labels: ['where'], help: 'Faults of Switchboard itself' },
};
