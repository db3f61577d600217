export { windowsErrors } from "./errors.ts";
export { windowsChanged } from "./events.ts";
export { windowsHandlers } from "./handlers.ts";
export { labelViolations } from "./label-violations.ts";
export type { WindowHost, WindowState } from "./model.ts";
export { windowsOf } from "./of-hosts.ts";
export { createWindowsService, type WindowsService } from "./service.ts";
