/** Limits of Switchboard that the page keeps to, or speaks of. A test compares them with the ones there. */

/** How many characters a reason may have that a client is given: more do not fit into what closes a connection. */
export const MAX_REASON = 123;
/** How many characters say what a key is for. */
export const MAX_LABEL = 200;
/** How many changes are kept of what happened, and of what operators did to the configuration file. */
export const MAX_CHANGES = 500;
export const MAX_REVISIONS = 20;
