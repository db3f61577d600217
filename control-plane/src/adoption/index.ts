export { createAdoptionService, type AdoptionService } from "./adopt.ts";
export { composeFileOf } from "./compose-file.ts";
export { adoptionErrors } from "./errors.ts";
export { adoptionHandlers } from "./handlers.ts";
export { runsAlready } from "./runs-already.ts";
export { readAdopted } from "./store.ts";
