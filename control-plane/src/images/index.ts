export { imagesErrors } from "./errors.ts";
export { createImages, DEFAULT_IMAGES, type Images, type ImageSettings } from "./images.ts";
export { notePeerAddress, peersOf, siteMembers, sitesOf, type SiteMember } from "./sites.ts";
export type { AskingHost, NamedImage, NamesImage } from "./service.ts";
export { cacheMessage } from "./wire.ts";
