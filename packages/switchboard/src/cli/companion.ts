import { EXIT } from './exit.ts';

/**
 * A command that is in a package of its own, as most who run a gateway do not need it. Where it is not installed, says how to get it.
 *
 * @param module the package, and where in it the command is.
 * @param instead what else would do, said after how to get it.
 */
export async function companion<Module>(
  command: string,
  module: string,
  instead?: string,
): Promise<Module | undefined> {
  try {
    return (await import(module)) as Module;
  } catch (error) {
    const [name = ''] = module.split('/');
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(`'${name}`)) throw error;
    const otherwise = instead === undefined ? '' : `, or ${instead}`;
    process.stderr.write(`switchboard: ${command} is in the package ${name}: install it beside this one${otherwise}\n`);
    process.exitCode = EXIT.failed.code;
    return undefined;
  }
}
