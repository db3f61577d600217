export { updatesErrors } from "./errors.ts";
export { createUpdates, type Updates } from "./updates.ts";
