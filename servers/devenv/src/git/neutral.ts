/**
 * Settings under which git starts no program that the configuration of a repository names, so that a look at a repository of
 * somebody else runs nothing of theirs.
 */

const FIXED: Readonly<Record<string, string>> = {
  'core.fsmonitor': 'false',
  'core.hooksPath': '/dev/null',
  'core.pager': 'cat',
  'diff.external': '',
  'log.showSignature': 'false',
};

/** A merge as git does it by itself. The words are read by a shell, which gets nothing else to read. */
const OWN_MERGE = 'git merge-file --quiet --marker-size=%L %A %O %B';

const FILTER = /^filter\..*\.(clean|smudge|process|required)$/s;
const MERGE_DRIVER = /^merge\..+\.driver$/s;

/** Variables that keep git from fetching what a partial clone lacks: that starts a program, too. */
export const NO_TRANSPORT: Readonly<Record<string, string>> = { GIT_ALLOW_PROTOCOL: 'none', GIT_NO_LAZY_FETCH: '1' };

/** Those names of settings, out of all, that would have a program started. */
export function programSettings(names: readonly string[]): string[] {
  return [
    ...new Set(names.filter((name) => (FILTER.test(name) && !name.endsWith('.required')) || MERGE_DRIVER.test(name))),
  ];
}

/**
 * The settings that switch off what {@link programSettings} found, and what is always switched off.
 *
 * @param names of all settings that a repository has
 */
export function neutralSettings(names: readonly string[]): Record<string, string> {
  const settings: Record<string, string> = { ...FIXED };
  for (const name of names) {
    // git takes an empty filter for none.
    if (FILTER.test(name)) settings[name] = name.endsWith('.required') ? 'false' : '';
    else if (MERGE_DRIVER.test(name)) settings[name] = OWN_MERGE;
  }
  return settings;
}

/** Settings as variables, which take any name, whatever signs are in it. */
export function asVariables(settings: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(settings);
  return Object.fromEntries([
    ['GIT_CONFIG_COUNT', String(entries.length)],
    ...entries.flatMap(([name, value], index) => [
      [`GIT_CONFIG_KEY_${index}`, name],
      [`GIT_CONFIG_VALUE_${index}`, value],
    ]),
  ]) as Record<string, string>;
}
