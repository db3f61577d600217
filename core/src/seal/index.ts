export {
  open,
  registryAuthContext,
  seal,
  sealRandomness,
  secretsContext,
  SealError,
  SEAL_RANDOMNESS_BYTES,
  type SealedBox,
  type SealRandomness,
} from "./seal.ts";
export { x25519PublicKey, X25519_KEY_BYTES } from "./x25519.ts";
