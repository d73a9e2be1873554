/** The file of SQLite that a store is kept in: who may use it, whether it is one of ours, and of which version. */
import { randomUUID } from 'node:crypto';
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { SwitchboardError } from '../protocol/errors.ts';
import { failureOf, openDatabase } from './sqlite-engine.ts';
import type { EngineName, SqlDatabase, SqlStatement } from './sqlite-engine.ts';

export interface SqliteFileOptions {
  /** Its path; folders that are missing are made, for the user alone. */
  file: string;
  /** How large it may get, in bytes; what is too much is not kept. @default 268435456 */
  maxBytes?: number;
  /** Which engine to use. @default the first that is there */
  engine?: EngineName;
  /** Whether several processes may have it open at a time. @default false */
  shared?: boolean;
}

/** What marks a file as a store of ours (`PRAGMA application_id`). */
const APPLICATION = 0x53_57_42_31;
const PAGE_BYTES = 4096;
/** How long another process of the same store may take to write. */
const BUSY_MS = 500;
/** The write-ahead log is cut to this when it has been taken over. */
const WAL_BYTES: number = 4 * 1024 * 1024;

/** What makes of each version of the schema the next one; the first makes it of an empty file. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL, ends_at INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE leases (
     name TEXT PRIMARY KEY, owner TEXT NOT NULL, epoch INTEGER NOT NULL, ends_at INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE counters (
     name TEXT PRIMARY KEY, value REAL NOT NULL, at INTEGER NOT NULL, ends_at INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE logs (name TEXT PRIMARY KEY, last INTEGER NOT NULL, ends_at INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE entries (log TEXT NOT NULL, number INTEGER NOT NULL, body, PRIMARY KEY (log, number)) WITHOUT ROWID;
   CREATE TABLE announcements (
     id INTEGER PRIMARY KEY AUTOINCREMENT, origin TEXT NOT NULL, topic TEXT NOT NULL, message TEXT NOT NULL, at INTEGER NOT NULL
   );`,
];

export class SqliteFile {
  readonly #database: SqlDatabase;
  /** What keeps other processes away, where they have to be. */
  readonly #guard: SqlDatabase | undefined;
  readonly #statements: Map<string, SqlStatement> = new Map();
  #closed = false;

  private constructor(database: SqlDatabase, guard: SqlDatabase | undefined) {
    this.#database = database;
    this.#guard = guard;
  }

  /** @throws {SwitchboardError} `SWB_STORE_INVALID` with the file, what is wrong with it and what to do; nothing in it has changed then. */
  static async open({
    file,
    maxBytes = 256 * 1024 * 1024,
    engine,
    shared = false,
  }: SqliteFileOptions): Promise<SqliteFile> {
    let guard: SqlDatabase | undefined;
    let database: SqlDatabase | undefined;
    try {
      makePrivate(file);
      guard = shared ? undefined : await openGuard(file, engine);
      database = await openDatabase(file, engine);
      prepare(database, file, maxBytes);
      return new SqliteFile(database, guard);
    } catch (error) {
      database?.close();
      guard?.close();
      if (error instanceof SwitchboardError) throw error;
      throw invalid(file, `${(error as Error).message}; ${adviceFor(error)}`, error);
    }
  }

  /** A statement, which is prepared once. */
  sql(text: string): SqlStatement {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }

  /** Does all of the work, or nothing of it. @throws what the work or the engine throws. */
  transact<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const done = work();
      this.#database.exec('COMMIT');
      return done;
    } catch (error) {
      try {
        this.#database.exec('ROLLBACK');
      } catch {
        // Some failures have rolled it back already.
      }
      throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#statements.clear();
    try {
      // Statements that are not collected yet keep the connection open beyond its end: the log of what was written is taken over here.
      this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all();
      this.#database.close();
    } catch (error) {
      // What could not be taken over is when the file is opened again.
      if (failureOf(error) === undefined) throw error;
    } finally {
      this.#guard?.close();
    }
  }
}

/** It holds what clients were told: nobody else may read it. */
function makePrivate(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
}

/** A lock of the system, which ends with the process however that ends. @throws {SwitchboardError} where another process has it. */
async function openGuard(file: string, engine: EngineName | undefined): Promise<SqlDatabase> {
  const path = `${file}.lock`;
  closeSync(openSync(path, 'a', 0o600));
  const guard = await openDatabase(path, engine);
  try {
    guard.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return guard;
  } catch (error) {
    guard.close();
    if (failureOf(error) === 'busy') throw invalid(file, 'another process has it open', error);
    throw error;
  }
}

function prepare(database: SqlDatabase, file: string, maxBytes: number): void {
  database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON`);
  const read = (pragma: string): unknown => Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
  const checked = read('quick_check(1)');
  if (checked !== 'ok') throw invalid(file, `it is damaged (${String(checked)}); ${MOVE_AWAY}`);
  const application = Number(read('application_id'));
  const version = Number(read('user_version'));
  const isEmpty = database.prepare('SELECT count(*) AS count FROM sqlite_master').get()?.['count'] === 0;
  if (application !== APPLICATION && !(isEmpty && application === 0)) {
    throw invalid(file, 'it is a database of another program; name another file');
  }
  if (version > MIGRATIONS.length) {
    const detail = `its schema is ${version}, of a newer version of Switchboard; this one reads up to ${MIGRATIONS.length}. Use that version, or name another file`;
    throw invalid(file, detail);
  }
  database.prepare('PRAGMA journal_mode = WAL').all();
  database.exec(`PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY`);
  database.prepare(`PRAGMA journal_size_limit = ${WAL_BYTES}`).all();
  database.prepare(`PRAGMA max_page_count = ${Math.max(64, Math.floor(maxBytes / PAGE_BYTES))}`).all();
  if (version === MIGRATIONS.length) return;
  database.exec('BEGIN IMMEDIATE');
  // Another process may have been first.
  const from = Number(read('user_version'));
  for (const migration of MIGRATIONS.slice(from)) database.exec(migration);
  database.exec(`PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${MIGRATIONS.length}`);
  database.prepare('INSERT OR IGNORE INTO meta VALUES (?, ?), (?, ?)').run('incarnation', randomUUID(), 'epoch', '0');
  database.exec('COMMIT');
}

const MOVE_AWAY = 'move the file away to begin with an empty store';

function adviceFor(error: unknown): string {
  return failureOf(error) === 'damaged' ? MOVE_AWAY : 'name a file that can be written, or say --store memory';
}

function invalid(file: string, detail: string, cause?: unknown): SwitchboardError {
  return new SwitchboardError('SWB_STORE_INVALID', { detail: `${file}: ${detail}`, cause });
}
