// Makes a checkout ready to run: installs what package-lock.json names and compiles what has changed, and does neither when
// nothing has. So that a fresh clone needs no other command than `npm start` or `npm test`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The packages in the order in which they are compiled. */
export const packages = [
  'packages/switchboard',
  ...['packages', 'servers'].flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`)),
].filter((folder, at, all) => all.indexOf(folder) === at && existsSync(join(root, folder, 'tsconfig.build.json')));

const timeOf = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** The newest change of anything below a folder. */
function newest(folder) {
  return Math.max(
    ...readdirSync(folder, { withFileTypes: true }).map((entry) =>
      entry.isDirectory() ? newest(join(folder, entry.name)) : timeOf(join(folder, entry.name)),
    ),
  );
}

function run(what, command, args) {
  process.stderr.write(`${what} …\n`);
  // On Windows npm is a script, which only a shell can start; the arguments are all our own.
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    process.stderr.write(`${what} failed: ${command} ${args.join(' ')}\n`);
    process.exit(1);
  }
}

function install() {
  const stamp = join(root, 'node_modules/.ready');
  if (timeOf(stamp) > timeOf(join(root, 'package-lock.json'))) return;
  run('Installing', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel', 'error']);
  writeFileSync(stamp, '');
}

function build() {
  for (const name of packages) {
    const folder = join(root, name);
    const stamp = join(folder, 'dist/.ready');
    const sources = Math.max(
      newest(join(folder, 'src')),
      timeOf(join(folder, 'tsconfig.build.json')),
      timeOf(join(folder, 'vite.config.ts')),
      timeOf(join(root, 'tsconfig.base.json')),
    );
    if (timeOf(stamp) > sources) continue;
    // How a package is built is its own to say.
    run(`Building ${name}`, 'npm', ['run', '--silent', 'build', '--workspace', name]);
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, '');
  }
}

export function makeReady() {
  install();
  build();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) makeReady();
