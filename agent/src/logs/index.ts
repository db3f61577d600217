export { type ShowOptions, showLogs } from "./show.ts";
