export { stamp, writeSupportBundle } from "./bundle.ts";
