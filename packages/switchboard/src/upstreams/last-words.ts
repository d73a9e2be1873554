/** What a program wrote, and the lines of it that say why it does not serve. */
import { cut } from '../util/cut.ts';

/** Lines of stderr that are kept. */
export const LINES_KEPT = 20;
/** Lines that a reason shows. */
const LINES_SHOWN = 3;
const MAX_LINE = 300;
/** Of stdout, in UTF-16 units: whatever is there before the first message. */
const STDOUT_KEPT = 4096;
/** What runtimes write around the error: blank lines, stack frames, carets, the fields of an error object, where Node noticed it. */
const AROUND =
  /^\s*$|^\s+at |^\s*[\^~]+$|^\s*[{}[\]()]+[,;]?$|^\s+(code|requireStack|url|errno|syscall|path): |^Node\.js v\d|^node:internal\/|^\s*throw |^(\[eval\]|file:\/\/\S+|\/\S+):\d+$|triggerUncaughtException\($|^\(Use `node --trace|^Traceback |^\s+File "/;
/** What npm writes after its sentence. */
const AFTER_NPM = /^npm (error|ERR!)( \d{3})?( *$| (code |A complete log|Note that you can|tarball, folder))/;
/** Such as `TypeError: …`, `Error [ERR_X]: …`, `ModuleNotFoundError: …`, `panic: …`, `error: …`. */
const NAMES_ERROR = /^(Uncaught )?([\w.]*(Error|Exception)( \[\w+\])?|panic|fatal( error)?|error): /i;
const NPM_ERROR = /^npm (error|ERR!) /;
/** Behind what is wrong with its arguments a program often says how to use it. */
const USAGE = /^usage:/i;

export class LastWords {
  readonly #stderr: string[] = [];
  #stdout = '';

  /** @param line of stderr. */
  add(line: string): void {
    this.#stderr.push(line);
    if (this.#stderr.length > LINES_KEPT) this.#stderr.shift();
  }

  /** @param text of stdout, before the first message. */
  addOutput(text: string): void {
    if (this.#stdout.length <= STDOUT_KEPT) this.#stdout += text.slice(0, STDOUT_KEPT + 1);
  }

  /** All that is kept of stderr. */
  get stderr(): string {
    return this.#stderr.join('\n');
  }

  /**
   * A clause with what it wrote: on stderr, or else on stdout, where a usage text often goes; undefined when it wrote nothing.
   *
   * @param mask takes out of a text what nobody may see; lines of stderr have been through it.
   */
  clause(mask: (text: string) => string): string | undefined {
    if (this.#stderr.length > 0) return `its last words on stderr: ${joined(telling(this.#stderr))}`;
    const lines = mask(this.#stdout).split('\n');
    // What was cut may end within a secret.
    if (this.#stdout.length > STDOUT_KEPT) lines.pop();
    const printed = lines.filter((line) => /^\s*[^\s{]/.test(line));
    return printed.length === 0 ? undefined : `it printed on stdout: ${joined(printed.slice(0, LINES_SHOWN))}`;
  }
}

/** The line that names the error, where one does, and what follows it; otherwise the last lines before a usage text. */
function telling(all: readonly string[]): readonly string[] {
  const relevant = all.filter((line) => !AROUND.test(line) && !AFTER_NPM.test(line));
  const usage = relevant.findIndex((line) => USAGE.test(line));
  const lines = usage > 0 ? relevant.slice(0, usage) : relevant;
  const npm = lines.findIndex((line) => NPM_ERROR.test(line));
  const named = npm === -1 ? lines.findLastIndex((line) => NAMES_ERROR.test(line)) : npm;
  const words = named === -1 ? lines.slice(-LINES_SHOWN) : lines.slice(named, named + LINES_SHOWN);
  return words.length > 0 ? words : all.slice(-LINES_SHOWN);
}

const joined = (lines: readonly string[]): string => lines.map((line) => cut(line.trim(), MAX_LINE)).join(' | ');
