export { examine } from "./doctor.ts";
export { type Finding, formatFindings } from "./finding.ts";
