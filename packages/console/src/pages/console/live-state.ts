/** What the stream has told so far. Pure: it knows neither the network nor the page. */
import type { Point } from 'mcp-switchboard-simulator';
import type {
  Change,
  Health,
  History,
  Load,
  Lockout,
  NodeSessions,
  Person,
  Recent,
  Run,
  Running,
  Session,
  SessionMessage,
  Status,
  StderrLine,
  Upstream,
  Usage,
} from './facts.ts';

/** How many requests are kept that have ended, and that were refused, as on the server. */
const MAX_ENDED = 1000;
const MAX_REFUSED = 250;
const MAX_STDERR = 200;
const MAX_MESSAGES = 200;

export type Range = 'minute' | 'hour' | 'day';

/** Where the stream has how busy each server was. */
export const loadTopicOf = (range: Range): string => (range === 'minute' ? 'load' : `load.${range}`);
const RANGES: readonly Range[] = ['minute', 'hour', 'day'];

type Table = 'sessions' | 'requests' | 'upstreams' | 'people';

/** What tells the rows of a table apart. */
const ID_OF: Readonly<Record<Table, (row: never) => string>> = {
  sessions: (row: Session) => keyOf(row),
  requests: ({ id }: Running) => id,
  upstreams: ({ name }: Upstream) => name,
  people: ({ principal }: Person) => principal,
};

/** One message of the stream. */
interface Message {
  readonly value?: unknown;
  readonly all?: readonly unknown[];
  readonly changed?: readonly unknown[];
  readonly gone?: readonly string[];
  readonly rows?: readonly unknown[];
  readonly skipped?: number;
}

/** Clients without a session may share an id, so each has a key; of all others it is the id. */
export const keyOf = ({ key, id }: Session): string => key ?? id;

export class LiveState {
  status: Status | undefined;
  health: Health | undefined;
  history: Readonly<Partial<Record<Range, History>>> = {};
  /** Of each server, by range. */
  load: Readonly<Partial<Record<Range, readonly Load[]>>> = {};
  /** Of the servers that were looked at, by the topic. */
  usage: Readonly<Record<string, Usage>> = {};
  /** Oldest first. */
  changes: readonly Change[] = [];
  readonly sessions: Map<string, Session> = new Map();
  readonly requests: Map<string, Running> = new Map();
  readonly upstreams: Map<string, Upstream> = new Map();
  readonly people: Map<string, Person> = new Map();
  /** The last one first. */
  lockouts: readonly Lockout[] = [];
  /** Oldest first. */
  recent: readonly Recent[] = [];
  /** How many ended requests were left out since the page was opened, as there were too many at once. */
  skipped = 0;
  stderr: Readonly<Record<string, readonly StderrLine[]>> = {};
  /** Of the session that is looked at, by its id. */
  messages: Readonly<Record<string, readonly SessionMessage[]>> = {};
  /** The other nodes of the cluster. */
  elsewhere: readonly NodeSessions[] = [];
  /** The last runs of the simulator, the newest first. */
  simulations: readonly Run[] | undefined;
  /** The points of those that are watched, by their ids. */
  points: Readonly<Record<string, readonly Point[]>> = {};
  /** Topics of which the first message has come. */
  readonly known: Set<string> = new Set();
  /** Grows with each change of a table, so that what is made from one is made again only then. */
  readonly versions: Record<Table | 'recent', number> = {
    sessions: 0,
    requests: 0,
    upstreams: 0,
    people: 0,
    recent: 0,
  };
  /** How far the server's clock is ahead of this one, in ms. */
  clockSkewMs = 0;

  apply(topic: string, message: Message): void {
    this.known.add(topic);
    const loaded = RANGES.find((range) => loadTopicOf(range) === topic);
    if (topic in ID_OF) this.#table(topic as Table, message);
    else if (topic === 'recent') this.#recent(message);
    else if (topic.startsWith('simulation:')) this.#points(topic.slice('simulation:'.length), message);
    else if (topic.startsWith('stderr:')) this.#stderr(topic.slice('stderr:'.length), message);
    else if (topic.startsWith('messages:')) this.#messages(topic.slice('messages:'.length), message);
    else if (topic === 'elsewhere') this.elsewhere = message.value as NodeSessions[];
    else if (topic.startsWith('usage.')) this.usage = { [topic]: message.value as Usage };
    else if (topic.startsWith('history.')) {
      this.history = { ...this.history, [topic.slice('history.'.length)]: message.value as History };
    } else if (loaded !== undefined) this.load = { ...this.load, [loaded]: message.value as Load[] };
    else if (topic === 'status') this.status = message.value as Status;
    else if (topic === 'health') this.health = message.value as Health;
    else if (topic === 'lockouts') this.lockouts = message.value as Lockout[];
    else if (topic === 'simulations') this.simulations = message.value as Run[];
    else if (topic === 'changes') this.#changed(message);
  }

  /** What is not followed any more would be of the past, so of rows and lines nothing is kept. */
  forget(topic: string): void {
    this.known.delete(topic);
    if (topic in ID_OF) this.#table(topic as Table, { all: [] });
    else if (topic === 'recent') this.#recent({ all: [] });
    else if (topic.startsWith('stderr:')) {
      const { [topic.slice('stderr:'.length)]: _, ...others } = this.stderr;
      this.stderr = others;
    }
  }

  #table(topic: Table, { all, changed, gone }: Message): void {
    const table: Map<string, unknown> = this[topic];
    const idOf = ID_OF[topic] as (row: unknown) => string;
    if (all !== undefined) table.clear();
    for (const row of all ?? changed ?? []) table.set(idOf(row), row);
    for (const id of gone ?? []) table.delete(id);
    this.versions[topic]++;
  }

  #changed({ all, changed = [], gone = [] }: Message): void {
    const rows = new Map((all === undefined ? this.changes : []).map((change) => [String(change.nr), change]));
    for (const change of (all ?? changed) as Change[]) rows.set(String(change.nr), change);
    for (const nr of gone) rows.delete(nr);
    // What a store has of before a restart may come later than what happened since.
    this.changes = [...rows.values()].toSorted((one, other) => one.time - other.time);
  }

  #recent({ all, rows, skipped = 0 }: Message): void {
    // After a reconnect everything comes again, and numbers begin again after a restart.
    const next = all === undefined ? [...this.recent, ...(rows as Recent[])] : (all as Recent[]);
    this.recent = newest(next);
    this.skipped += skipped;
    this.versions.recent++;
  }

  /** One that was started here; the stream tells of it a moment later. */
  addRun(run: Run): void {
    if (this.simulations?.some(({ id }) => id === run.id) !== true)
      this.simulations = [run, ...(this.simulations ?? [])];
  }

  /** Of one run: they are few, and others are not watched at the same time. */
  #points(id: string, { all, rows = [] }: Message): void {
    const before = all === undefined ? (this.points[id] ?? []) : [];
    this.points = { [id]: [...before, ...((all ?? rows) as Point[])] };
  }

  /** Of one session: others are not looked at at the same time. */
  #messages(id: string, { all, rows = [] }: Message): void {
    const before = all === undefined ? (this.messages[id] ?? []) : [];
    this.messages = { [id]: [...before, ...((all ?? rows) as SessionMessage[])].slice(-MAX_MESSAGES) };
  }

  #stderr(upstream: string, { all, rows = [] }: Message): void {
    const before = all === undefined ? (this.stderr[upstream] ?? []) : [];
    const lines = [...before, ...((all ?? rows) as StderrLine[])].slice(-MAX_STDERR);
    this.stderr = { ...this.stderr, [upstream]: lines };
  }
}

/** A flood of refusals takes no room from the others. */
function newest(all: readonly Recent[]): readonly Recent[] {
  const refused = all.filter(({ outcome }) => outcome === 'refused').length;
  let [spareRefused, spareEnded] = [refused - MAX_REFUSED, all.length - refused - MAX_ENDED];
  if (spareRefused <= 0 && spareEnded <= 0) return all;
  return all.filter(({ outcome }) => (outcome === 'refused' ? spareRefused-- : spareEnded--) <= 0);
}
