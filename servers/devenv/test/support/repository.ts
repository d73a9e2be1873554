import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A temporary folder, until the test ends. */
export function folder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'devenv-')));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Writes files below a folder, by their paths. */
export function write(root: string, files: Record<string, string | object>): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  }
}

/** A real git repository on the branch main. */
export class Repository {
  readonly root: string;

  constructor(root: string = folder()) {
    this.root = root;
    this.git('init', '--quiet', '--initial-branch=main');
    const config = '[user]\n  name = Ann Author\n  email = ann@example.com\n[commit]\n  gpgsign = false\n';
    appendFileSync(join(this.root, '.git/config'), config);
  }

  /** Runs git, and gives what it printed. */
  git(...args: string[]): string {
    return execFileSync('git', args, { cwd: this.root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  }

  /** Writes files and commits everything; gives the id of the commit. */
  commit(subject: string, files: Record<string, string | object> = {}): string {
    write(this.root, files);
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '--message', subject);
    return this.git('rev-parse', 'HEAD');
  }
}

/** Waits until something holds, for 10 s at most. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('It does not hold after 10 s.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a process runs; one that is dead and waits to be cleared away does not. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
