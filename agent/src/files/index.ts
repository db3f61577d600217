export { type ContentSource, type ContentStore, type WantedContent, openContentStore } from "./content-store.ts";
export type { FilesEvent } from "./events.ts";
export { type Manifest, digestOf, readManifest } from "./manifest.ts";
export { lackOfRoom } from "./room.ts";
export { type RevisionFiles, type StackFolders, createStackFolders } from "./stack-folders.ts";
export { modelOnHost, onHost } from "./stack-paths.ts";
export { mountedTrees } from "./own-mounts.ts";
export { resolvePath } from "./tree.ts";
