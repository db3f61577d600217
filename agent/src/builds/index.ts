export { imageArchive, manifestOf } from "./oci-archive.ts";
export { forgetBuilds, streamBuild, type BuildParts } from "./stream-build.ts";
