export { parseByteSize } from "./byte-size.ts";
export { networkConfigHash, serviceConfigHash, volumeConfigHash, type ServiceHashOptions } from "./config-hash.ts";
export { formatGoDuration, parseGoDuration } from "./duration.ts";
export type * from "./model.ts";
export { privilegedUses, type PrivilegedUse, type PrivilegePolicy } from "./privileged.ts";
export { secretPlaceholder, secretReferences, substituteSecrets, type SecretReference } from "./secrets.ts";
