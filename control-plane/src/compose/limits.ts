// Compose input comes from strangers: each bound keeps one rendering within about a second and some hundred megabytes.

/** The largest real files seen are some 100 kB; a file of 10,000 small services is 2 MB. */
export const MAX_FILE_BYTES: number = 3 * 1024 * 1024;

/** All files that one rendering reads, counted each time they are read, so that includes cannot multiply the work. */
export const MAX_TOTAL_BYTES: number = 12 * 1024 * 1024;

/** Keys, values and items after aliases are expanded: a file of 10,000 services has about 300,000. */
export const MAX_NODES: number = 2_000_000;

/**
 * Values of all models that documents, files and includes are laid over, one layer at a time: each layer is looked at as a whole, so
 * thousands of small documents would cost the square of their number.
 */
export const MAX_LAYERED_NODES: number = 2_000_000;

/** Real files nest about 10 deep; recursion over far deeper input would exhaust the stack. */
export const MAX_DEPTH: number = 100;

/** Variables in the default of a variable in the default of a variable. */
export const MAX_INTERPOLATION_DEPTH: number = 50;

/** Files that one rendering reads through include and extends. */
export const MAX_LOADED_FILES: number = 500;

/** Length of a text after interpolation: a variable may be used many times. */
export const MAX_INTERPOLATED_LENGTH: number = 1024 * 1024;

/** All text that interpolation may produce in one rendering. */
export const MAX_INTERPOLATED_TOTAL: number = 64 * 1024 * 1024;

/** Text of a config or secret that stands in the model itself; a longer one travels as a file. */
export const MAX_CONTENT_LENGTH: number = 64 * 1024;

/** Nobody reads more than this; the editor shows the first anyway. */
export const MAX_PROBLEMS: number = 200;

/** Ports of one entry such as `1-65535:1-65535`, all of which become entries of their own. */
export const MAX_PORTS_PER_RANGE: number = 65_536;

/** Ports of all ranges of one rendering; one address has 65,535 of a protocol. */
export const MAX_PORTS: number = 200_000;
