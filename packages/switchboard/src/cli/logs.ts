/** How the commands that serve write their log. */
import type { Settings } from '../gateway/settings.ts';
import type { LogOptions } from '../observe/log.ts';
import { wantsColours } from './table.ts';

export const logOptions = ({ logLevel, logFormat }: Settings): LogOptions => ({
  level: logLevel,
  format: logFormat,
  coloured: wantsColours(),
});
