export { type Link, openLink } from "./link.ts";
export { linkText } from "./link-text.ts";
export { classOf, classOfFrame, waits } from "./message-class.ts";
export { type HostLink, type ImageSource } from "./settings-file.ts";
export { type Direction, type Shaper, createShaper } from "./shaper.ts";
