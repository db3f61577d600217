import { join } from "node:path";
import { LINK_CLASSES, type LinkClass, type LinkLimitRule } from "@windflow/core";
import type { LinkSettings } from "@windflow/proto/agent";
import { readIfThere, writeDurably } from "../platform/durable-file.ts";
import { isRecord } from "../state/json-record.ts";

const FILE = "link.json";

/** Where images come from: see windflow.api.v1.LinkRule.ImageSource. */
export const IMAGE_SOURCES = ["registry", "registry-then-control-plane", "control-plane"] as const;
export type ImageSource = (typeof IMAGE_SOURCES)[number];

/** What the host may do with its link. */
export interface HostLink {
  /** Of the control plane; empty: nobody has said anything, the link is open. */
  readonly digest: string;
  readonly metered: boolean;
  readonly limits: readonly LinkLimitRule[];
  readonly timeZone: string;
  readonly images: ImageSource;
  /** Serves layers to other hosts of its site, and asks them first. */
  readonly peers: boolean;
}

export const OPEN_LINK: HostLink = {
  digest: "",
  metered: false,
  limits: [],
  timeZone: "",
  // A host with no way but the one to its control plane works with no setting.
  images: "registry-then-control-plane",
  peers: false,
};

/** A class or a source that a newer control plane names and this agent does not know is left out. */
export function linkOfMessage(message: LinkSettings): HostLink {
  const { digest, metered, timeZone, peers } = message;
  const limits = message.limits.flatMap(({ class: name, bytesPerSecond, ...hours }) =>
    isLinkClass(name) ? [{ class: name, bytesPerSecond: Number(bytesPerSecond), ...hours }] : [],
  );
  const images = IMAGE_SOURCES.find((source) => source === message.images) ?? "registry";
  return { digest, metered, limits, timeZone, images, peers };
}

/** The open link when there is no file, or one that cannot be read: then it comes again with the next session. */
export function loadLink(folder: string): HostLink {
  const content = readIfThere(join(folder, FILE));
  if (content === undefined) return OPEN_LINK;
  try {
    const value: unknown = JSON.parse(content.toString());
    return isHostLink(value) ? value : OPEN_LINK;
  } catch {
    return OPEN_LINK;
  }
}

/** Durable when it returns. */
export function saveLink(folder: string, link: HostLink): void {
  writeDurably(join(folder, FILE), `${JSON.stringify(link, null, 1)}\n`);
}

function isHostLink(value: unknown): value is HostLink {
  return (
    isRecord(value) &&
    typeof value["digest"] === "string" &&
    typeof value["metered"] === "boolean" &&
    typeof value["timeZone"] === "string" &&
    typeof value["peers"] === "boolean" &&
    IMAGE_SOURCES.some((source) => source === value["images"]) &&
    Array.isArray(value["limits"]) &&
    value["limits"].every(isLimit)
  );
}

function isLimit(value: unknown): boolean {
  return (
    isRecord(value) &&
    isLinkClass(value["class"]) &&
    ["bytesPerSecond", "fromMinute", "untilMinute"].every((key) => typeof value[key] === "number") &&
    Array.isArray(value["weekdays"])
  );
}

function isLinkClass(name: unknown): name is LinkClass {
  return LINK_CLASSES.some((known) => known === name);
}
