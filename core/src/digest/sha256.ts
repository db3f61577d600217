import { createHash } from "node:crypto";

/** SHA-256 as 64 lower-case hexadecimal digits; a text is hashed as its UTF-8 bytes. */
export function sha256Hex(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** SHA-256 in the form that registries and our desired state use: `sha256:<hex>`. */
export function sha256Digest(content: string | Uint8Array): string {
  return `sha256:${sha256Hex(content)}`;
}
