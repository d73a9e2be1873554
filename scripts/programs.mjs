// Programs of the system that some tests need, beside what npm installs. Where one is missing its tests are left out, and `npm test`
// says so; `.ci/run` installs them.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const TLS_TOOLS = ['packages/switchboard/test/cli/tls-tools.test.ts'];

const PROXIES = ['packages/switchboard/test/e2e/proxies.test.ts'];
const CLUSTER = [
  'packages/switchboard/test/e2e/cluster.test.ts',
  'packages/switchboard/test/e2e/matrix/cluster.test.ts',
];

/** `package` is what Debian and Ubuntu call it; `files` are the tests that need it, some of them as root, who may make namespaces. */
const PROGRAMS = [
  {
    program: 'chromium',
    package: 'chromium',
    files: ['**/*.browser.test.ts'],
  },
  {
    program: 'openssl',
    package: 'openssl',
    files: [...TLS_TOOLS, 'packages/switchboard/test/wire/tls-offers.test.ts'],
  },
  { program: 'curl', package: 'curl', files: [...TLS_TOOLS, 'packages/switchboard/test/pins/guide-commands.test.ts'] },
  {
    program: 'redis-server',
    package: 'redis-server',
    files: [
      'packages/switchboard/test/stores/redis*.test.ts',
      'packages/switchboard/test/gateway/cluster*.test.ts',
      'packages/switchboard/test/gateway/spread.test.ts',
      'packages/switchboard/test/e2e/cluster-oauth.test.ts',
      'packages/chat/test/{nodes,retention}.test.ts',
      ...CLUSTER,
    ],
  },
  ...['nginx', 'caddy'].map((program) => ({ program, package: program, files: PROXIES })),
  { program: 'haproxy', package: 'haproxy', files: [...PROXIES, ...CLUSTER] },
  { program: 'systemctl', package: 'systemd', files: ['packages/switchboard/test/e2e/systemd.test.ts'], asRoot: true },
];

/** Where a program is, or undefined. */
export function find(program) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** Those that tests need and that are not there. */
export const missing = () =>
  PROGRAMS.filter(
    ({ program, asRoot }) => find(program) === undefined || (asRoot === true && process.getuid?.() !== 0),
  );
