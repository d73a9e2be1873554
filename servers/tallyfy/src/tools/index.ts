import type { Tool } from '../tool.ts';
import { adviceTools } from './advice.ts';
import { automationTools } from './automations.ts';
import { commentTools } from './comments.ts';
import { fieldTools } from './fields.ts';
import { folderTools } from './folders.ts';
import { groupTools } from './groups.ts';
import { guestTools } from './guests.ts';
import { memberTools } from './members.ts';
import { processTools } from './processes.ts';
import { searchTools } from './search.ts';
import { sentenceTools } from './sentence.ts';
import { stepTools } from './steps.ts';
import { tagTools } from './tags.ts';
import { taskTools } from './tasks.ts';
import { templateTools } from './templates.ts';

/** Every tool, by what it is about; README.md lists them in this order. */
export const TOOLS: Readonly<Record<string, readonly Tool[]>> = {
  Tasks: [...taskTools, ...sentenceTools],
  Comments: commentTools,
  Processes: processTools,
  Templates: templateTools,
  Steps: stepTools,
  'Form fields': fieldTools,
  'Automation rules': automationTools,
  Advice: adviceTools,
  Search: searchTools,
  'Members and the organization': memberTools,
  Guests: guestTools,
  Groups: groupTools,
  Tags: tagTools,
  Folders: folderTools,
};
