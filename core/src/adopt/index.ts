export { createdAs, type CreatedAs } from "./created.ts";
export type * from "./inspected.ts";
export {
  reconstructProject,
  type AdoptionNote,
  type InspectedProject,
  type ReconstructedProject,
} from "./reconstruct.ts";
export { differsFromCreated, type ServicePlace } from "./same-as-created.ts";
