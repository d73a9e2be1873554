/**
 * SQLite itself, as far as the store of one machine needs it: Node's own where Node has it (22.13 and newer), elsewhere that of the optional
 * package `libsql`. Loaded when it is used: whoever keeps nothing on a disk needs none.
 */
import { SwitchboardError } from '../protocol/errors.ts';

export type SqlValue = string | number | Uint8Array | null;
export type Row = Readonly<Record<string, SqlValue>>;

export interface SqlStatement {
  run(...values: SqlValue[]): { changes: number | bigint };
  get(...values: SqlValue[]): Row | undefined;
  all(...values: SqlValue[]): Row[];
}

/** One connection to a file. What fails throws an error that {@link failureOf} knows. */
export interface SqlDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
  close(): void;
}

/** Why SQLite refused something. */
export type SqlFailure = 'busy' | 'damaged' | 'other';

/** The codes of SQLite (https://www.sqlite.org/rescode.html). */
const FAILURES: Readonly<Record<number, SqlFailure>> = { 5: 'busy', 6: 'busy', 11: 'damaged', 26: 'damaged' };
const NAMES: Readonly<Record<string, SqlFailure>> = {
  SQLITE_BUSY: 'busy',
  SQLITE_LOCKED: 'busy',
  SQLITE_CORRUPT: 'damaged',
  SQLITE_NOTADB: 'damaged',
};

/** Undefined where something else failed than SQLite, which is a fault of this program. */
export function failureOf(error: unknown): SqlFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (code === 'ERR_SQLITE_ERROR') return FAILURES[Number(errcode) & 0xff] ?? 'other';
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return undefined;
  return Object.entries(NAMES).find(([name]) => code.startsWith(name))?.[1] ?? 'other';
}

/** Which engine to use; for tests. @default the first that is there */
export type EngineName = 'node:sqlite' | 'libsql';

/** @throws {SwitchboardError} `SWB_STORE_INVALID` where there is no engine for this machine; what the engine throws for a file. */
export async function openDatabase(file: string, engine?: EngineName): Promise<SqlDatabase> {
  const open = (engine === 'libsql' ? undefined : await nodeEngine()) ?? (await libsqlEngine());
  return open(file);
}

type Open = (file: string) => SqlDatabase;

/** Not known to the types of every version of Node. */
const NODE_SQLITE: string = 'node:sqlite';

let loading: Promise<Open | undefined> | undefined;

/** Loaded once: two that load it at a time would not give back what they take away meanwhile. */
const nodeEngine = (): Promise<Open | undefined> => (loading ??= loadNodeEngine());

async function loadNodeEngine(): Promise<Open | undefined> {
  const { emitWarning } = process;
  // That it is experimental is told by Node at each start; what is used of it here is tested with each version.
  process.emitWarning = () => {};
  try {
    const { DatabaseSync } = (await import(NODE_SQLITE)) as {
      DatabaseSync: new (file: string) => SqlDatabase;
    };
    return (file) => new DatabaseSync(file);
  } catch {
    return undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}

async function libsqlEngine(): Promise<Open> {
  const { default: Database } = await import('libsql').catch((cause: unknown) => {
    const detail = `Node ${process.versions.node} has no SQLite, and the package "libsql" none for ${process.platform} ${process.arch}; take Node 22.13 or newer, or say --store memory`;
    throw new SwitchboardError('SWB_STORE_INVALID', { detail, cause });
  });
  return (file) => {
    const database = new Database(file);
    return {
      exec: (sql) => void database.exec(sql),
      prepare(sql) {
        const statement = database.prepare(sql);
        // Anything else than a list of buffers, texts and numbers ends the whole process there.
        const list = (values: SqlValue[]): unknown[] =>
          values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value));
        return {
          run: (...values) => statement.run(list(values)),
          get: (...values) => readable(statement.get(list(values))),
          all: (...values) => statement.all(list(values)).map((row) => readable(row) ?? {}),
        };
      },
      close: () => void database.close(),
    };
  };
}

/** Bytes come as they are of no use here. */
function readable(row: unknown): Row | undefined {
  if (row === undefined || row === null) return undefined;
  const values = Object.entries(row).map(([name, value]: [string, unknown]) => [
    name,
    value instanceof ArrayBuffer ? new Uint8Array(value) : value,
  ]);
  return Object.fromEntries(values) as Row;
}
