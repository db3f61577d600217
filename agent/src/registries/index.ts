export { type Registries, createRegistries } from "./registries.ts";
export { type ResolveParts, resolveReply } from "./resolve-images.ts";
export { signInReply } from "./sign-in.ts";
