/** `switchboard completion`: scripts for shells, made from the commands and their options. */
import { Argument, Command } from 'commander';
import type { Option } from 'commander';

import { usageError } from './exit.ts';

const HELP = `
Examples:
  eval "$(switchboard completion bash)"                                        in ~/.bashrc
  eval "$(switchboard completion zsh)"                                         in ~/.zshrc, after compinit
  switchboard completion fish > ~/.config/fish/completions/switchboard.fish    once`;

/** The names of the command in the package. */
const NAMES = ['switchboard', 'mcp-switchboard'];
/** What stands in the flags of options for a value that is typed, beside the words that can be chosen. */
const TYPED: ReadonlySet<string> = new Set(['number', 'duration', 'size', 'name', 'names', 'address', 'file', 'url']);

/** A command, or one below another, as `keys create`. */
interface Entry {
  path: readonly string[];
  commands: readonly Command[];
  /** Words that its arguments can be. */
  words: readonly string[];
  options: readonly Option[];
}

const SHELLS = ['bash', 'zsh', 'fish'];

function readShell(text: string): string {
  if (SHELLS.includes(text)) return text;
  throw usageError(`there is no completion for ${JSON.stringify(text)}; expected ${SHELLS.join(', ')}`);
}

export const completionCommand = (): Command =>
  new Command('completion')
    .description('Print a completion script for a shell.')
    .addArgument(new Argument('<shell>', 'whose').choices(SHELLS).argParser(readShell))
    .addHelpText('after', HELP)
    .action((shell: string, _options, { parent }: Command) => {
      process.stdout.write(shell === 'fish' ? fishScript(parent!) : bashScript(parent!, shell === 'zsh'));
    });

function entriesOf(command: Command, path: readonly string[] = []): Entry[] {
  const options = command.options.filter(({ hidden, long }) => !hidden && long !== undefined);
  const words = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const own = { path, commands: command.commands, words, options };
  return [own, ...command.commands.flatMap((each) => entriesOf(each, [...path, each.name()]))];
}

/** `files`, the words that can be chosen, or nothing for what can only be typed. */
function valuesOf({ argChoices, flags }: Option): 'files' | readonly string[] {
  if (argChoices !== undefined) return argChoices;
  const [, value = ''] = /<(.+?)>/.exec(flags) ?? [];
  if (/^(file|folder)$/.test(value)) return 'files';
  return value.includes('|') ? value.split('|').filter((word) => !TYPED.has(word)) : [];
}

const takesValue = ({ required, optional }: Option): boolean => required || optional;

/** A word of a script in single quotes. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Zsh runs it too, with `bashcompinit`. */
function bashScript(program: Command, isZsh: boolean): string {
  const entries = entriesOf(program);
  const paths = entries.flatMap(({ path }) => (path.length === 0 ? [] : [`/${path.join('/')}`]));
  const words = entries.map(({ path, commands, words: own, options }) => {
    const all = [...own, ...commands.map((command) => command.name()), ...options.map(({ long }) => long!), '--help'];
    return `    ${quoted(path.map((word) => `/${word}`).join(''))}) words=${quoted(all.join(' '))} ;;`;
  });
  const values = entries.flatMap(({ path, options }) =>
    options.filter(takesValue).map((option) => {
      const found = valuesOf(option);
      const reply = found === 'files' ? 'compgen -f -- "$cur"' : `compgen -W ${quoted(found.join(' '))} -- "$cur"`;
      const place = quoted(`${path.map((word) => `/${word}`).join('')} ${option.long}`);
      return `    ${place}) COMPREPLY=($(${reply})); return ;;`;
    }),
  );
  return `${isZsh ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}_switchboard() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path='' words='' at
  for ((at = 1; at < COMP_CWORD; at++)); do
    # What follows is the command of a server.
    if [[ "\${COMP_WORDS[at]}" == -- ]]; then COMPREPLY=($(compgen -f -- "$cur")); return; fi
    case "$path/\${COMP_WORDS[at]}" in
      ${paths.join('|')}) path="$path/\${COMP_WORDS[at]}" ;;
    esac
  done
  case "$path $prev" in
${values.join('\n')}
  esac
  case "$path" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _switchboard ${NAMES.join(' ')}
`;
}

function fishScript(program: Command): string {
  const lines = entriesOf(program).flatMap(({ path, commands, words, options }) => {
    const names = commands.map((command) => command.name());
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
    const when = quoted(seen.length === 0 ? '__fish_use_subcommand' : seen.join('; and '));
    const none =
      names.length === 0 || seen.length === 0 ? [] : [`; and not __fish_seen_subcommand_from ${names.join(' ')}`];
    const below = none.length === 0 ? when : quoted(`${seen.join('; and ')}${none.join('')}`);
    return [
      ...commands.map((each) => `-n ${below} -f -a ${each.name()} -d ${quoted(each.description())}`),
      ...(words.length > 0 ? [`-n ${when} -f -a ${quoted(words.join(' '))}`] : []),
      ...options.map((option) => {
        const found = valuesOf(option);
        const value = found === 'files' ? ' -r -F' : ` -x -a ${quoted(found.join(' '))}`;
        const flag = `-l ${option.long!.slice(2)}${takesValue(option) ? value : ''}`;
        return `-n ${when} ${flag} -d ${quoted(option.description)}`;
      }),
    ];
  });
  return NAMES.flatMap((name) => lines.map((line) => `complete -c ${name} ${line}\n`)).join('');
}
