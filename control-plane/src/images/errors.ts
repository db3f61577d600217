import { defineErrors, type ErrorCode } from "../platform/index.ts";

type ImagesCode =
  | "WF_IMAGE_NOT_DESIRED"
  | "WF_IMAGE_PLATFORM"
  | "WF_IMAGE_UNSUPPORTED"
  | "WF_IMAGE_DAMAGED"
  | "WF_IMAGE_CACHE_FULL"
  | "WF_REGISTRY_REFUSED";

/** What can go wrong when the control plane brings an image to hosts. They travel in FetchImageResponse beside those of registries. */
export const imagesErrors: Record<ImagesCode, ErrorCode> = defineErrors({
  WF_IMAGE_NOT_DESIRED: {
    kind: "notFound",
    title: "No stack that this host must run names the image",
    fix: "Nothing: the host asks again when its desired state has changed. If it repeats, look at the agent's log.",
  },
  WF_IMAGE_PLATFORM: {
    kind: "notFound",
    title: "The registry has the image, but not for the host's platform",
    fix: "Push it for this platform, or place the stack on hosts of another.",
  },
  WF_IMAGE_UNSUPPORTED: {
    kind: "precondition",
    title: "The image has a form that the control plane cannot bring to hosts",
    fix: "The detail says what: push the image again with a current tool, or let the hosts reach the registry.",
  },
  WF_IMAGE_DAMAGED: {
    kind: "unavailable",
    title: "The registry sent other bytes than the digest says",
    fix: "Nothing of it is used. Check the registry and what stands before it; hosts ask again.",
  },
  WF_IMAGE_CACHE_FULL: {
    kind: "exhausted",
    title: "The image is larger than the control plane's room for images",
    fix: "Raise --image-cache-gigabytes, or remove stacks: images that a desired state names stay until others need the room.",
  },
  WF_REGISTRY_REFUSED: {
    kind: "precondition",
    title: "The control plane does not connect to the address that the image names",
    fix: "It is an address of the control plane's own machine or link. Name the registry in --insecure-registries if it is meant.",
  },
});
