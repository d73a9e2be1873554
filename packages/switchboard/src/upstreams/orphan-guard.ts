/**
 * Ends the children of a Switchboard that was killed outright (SIGKILL, out of memory) and so could not end them itself.
 *
 * One small shell per process reads from a pipe which process groups are alive: `+ID` and `-ID`, a line each. The kernel
 * closes the pipe when this process dies, however it dies; the shell then ends every group that is left, and on Linux what has left its
 * group, first politely.
 * POSIX only: on Windows a child is left to notice that its stdin closed.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';

const SCRIPT = `
groups=' '
while read -r line; do
  id=\${line#?}
  case $line in
    +*) groups="$groups$id " ;;
    -*) groups="\${groups%% $id *} \${groups#* $id }" ;;
  esac
done
[ "$groups" = ' ' ] && exit 0
marked() {
  for file in $(grep -lz "^$1" /proc/[0-9]*/environ 2>/dev/null); do
    id=\${file#/proc/}
    echo "\${id%/environ}"
  done
}
for id in $groups; do kill -TERM "-$id" 2>/dev/null; done
for id in $(marked "$1"); do kill -TERM "$id" 2>/dev/null; done
for wait in 1 2 3 4 5 6 7 8 9 10; do
  left=$(marked "$1")
  for id in $groups; do kill -0 "-$id" 2>/dev/null && left=1; done
  [ -z "$left" ] && exit 0
  sleep 0.2
done
for id in $groups; do kill -KILL "-$id" 2>/dev/null; done
for id in $(marked "$1"); do kill -KILL "$id" 2>/dev/null; done
`;

export class OrphanGuard {
  #shell: ChildProcess | undefined;
  readonly #groups: Set<number> = new Set();
  readonly #mark: string;

  /** @param mark how a variable of the environment begins that everything carries which the children start. */
  constructor(mark: string) {
    this.#mark = mark;
  }

  /** @param group the id of a process group, which is the process id of its leader. */
  add(group: number): void {
    if (process.platform === 'win32') return;
    this.#groups.add(group);
    if (this.#shell === undefined) this.#start();
    else this.#shell.stdin?.write(`+${group}\n`);
  }

  remove(group: number): void {
    if (!this.#groups.delete(group)) return;
    this.#shell?.stdin?.write(`-${group}\n`);
    if (this.#groups.size === 0) this.#release();
  }

  /** A group of its own, so that Ctrl-C in the terminal does not end the guard before the guarded. */
  #start(): void {
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'switchboard-orphan-guard', this.#mark], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: '/usr/bin:/bin' },
    });
    this.#shell = shell;
    const forget = (): void => {
      if (this.#shell === shell) this.#shell = undefined;
    };
    shell.on('error', forget).on('exit', forget);
    const { stdin } = shell as unknown as { stdin: Socket };
    stdin.on('error', forget);
    stdin.write([...this.#groups].map((group) => `+${group}\n`).join(''));
    // The guard must not keep an otherwise finished program alive.
    shell.unref();
    stdin.unref();
  }

  #release(): void {
    this.#shell?.stdin?.end();
    this.#shell = undefined;
  }
}
