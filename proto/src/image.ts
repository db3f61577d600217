import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Bytes of the buf image (FileDescriptorSet) of all our protos, with their comments and options. */
export function readImage(path: string = join(import.meta.dirname, "../image.binpb")): Uint8Array {
  return readFileSync(path);
}
