export { credentialsFor } from "./credentials.ts";
export { registriesErrors } from "./errors.ts";
export { registriesHandlers } from "./handlers.ts";
export type { RegistryCredential } from "./model.ts";
export type { RegistryTester, SignInOutcome } from "./ports.ts";
export { createRegistriesService, type RegistriesService } from "./service.ts";
