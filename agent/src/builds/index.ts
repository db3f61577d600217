export { forgetBuilds, streamBuild, type BuildParts } from "./stream-build.ts";
