// Runs every story, one after the other.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = (story) => fileURLToPath(new URL(`${story}/main.mjs`, import.meta.url));
const stories = readdirSync(new URL('.', import.meta.url)).filter((story) => existsSync(program(story)));

let failed = 0;
for (const story of stories) {
  console.log(`\n== ${story}`);
  const { status } = spawnSync(process.execPath, [program(story)], { stdio: 'inherit' });
  if (status === 0) continue;
  failed += 1;
  console.log(`${story} failed`);
}
console.log(`\n${stories.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 && stories.length > 0 ? 0 : 1;
