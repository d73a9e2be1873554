const MANY_FILES = 50;
const MANY_AREAS = 3;

export interface Risk {
  risk: 'low' | 'medium' | 'high';
  reasons: string[];
}

/**
 * How much a change may break. It is high with more than 50 files or 3 areas, or where several areas change that other projects
 * depend on; medium for one of these alone.
 */
export function riskOf({ files, areas, affected }: { files: number; areas: number; affected: number }): Risk {
  const reasons: string[] = [];
  if (areas > 1) reasons.push(`It touches ${areas} areas.`);
  if (affected > 0) reasons.push(`${affected} projects depend on what changed.`);
  if (files > MANY_FILES) reasons.push(`It has ${files} files.`);
  if (areas > MANY_AREAS || files > MANY_FILES || (areas > 1 && affected > 0)) return { risk: 'high', reasons };
  return { risk: reasons.length > 0 ? 'medium' : 'low', reasons };
}
