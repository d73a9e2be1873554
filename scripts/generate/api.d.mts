/** The pages of the API by their names, and what is exported without documentation or cannot be imported. */
export function readApi(): { pages: ReadonlyMap<string, string>; faults: readonly string[] };
