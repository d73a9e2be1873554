import { branchTools } from './branches.ts';
import { commitTools } from './commits.ts';
import { containerTools } from './containers.ts';
import { environmentTools } from './environment.ts';
import { jobTools } from './jobs.ts';
import { projectTools } from './projects.ts';
import type { Tool } from './tool.ts';

/** All tools, by what they are about; README.md lists them in this order. */
export const TOOLS: Readonly<Record<string, readonly Tool[]>> = {
  Branches: branchTools,
  'Commits and changes': commitTools,
  Projects: projectTools,
  Containers: containerTools,
  Environment: environmentTools,
  'Tasks and jobs': jobTools,
};
