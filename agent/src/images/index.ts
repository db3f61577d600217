export { createImages, type ImagesLink } from "./images.ts";
export type { LayerPeer } from "./fetch-layers.ts";
export type { SiteLayers } from "./site-layers.ts";
