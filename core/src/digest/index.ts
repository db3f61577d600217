export { isSignedBy, parseChecksums } from "./checksums.ts";
export { canonicalJson, compareBytes } from "./canonical-json.ts";
export { layerMark } from "./layer-mark.ts";
export { sha256Digest, sha256Hex } from "./sha256.ts";
