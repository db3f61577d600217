export { adoptedInto } from "./adopted-into.ts";
export { createCreatedContainers, type CreatedContainers } from "./created-containers.ts";
export type { AdoptEngine } from "./engine.ts";
export { projectReply } from "./project-reply.ts";
