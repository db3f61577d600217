export { filesErrors } from "./errors.ts";
export { createFiles, type Files } from "./files.ts";
export {
  EMPTY_FILE,
  MAX_FILE_BYTES,
  MAX_LAYER_BYTES,
  MAX_ORGANIZATION_BYTES,
  MIN_PIECE_BYTES,
  type FilePiece,
  type StoredFile,
  type TravellingFile,
} from "./model.ts";
export type { FileHolder, FileStore, OpenedFile } from "./ports.ts";
