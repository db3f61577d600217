export { endOfLog, readLogFiles } from "./log-files.ts";
export { showLogs, type ShowOptions } from "./show.ts";
export { findLogFile, ownLogFile } from "./where.ts";
