import type { LinkLimitRule } from "@windflow/core";
import type { LabelExpression } from "../placement/index.ts";

/** Where the images of a host come from. */
export type ImageSource = "registry" | "registry-then-control-plane" | "control-plane";

/** What hosts may do with their link, as a person wrote it. */
export interface LinkRule {
  readonly name: string;
  /** Lower first; equal ones by name. */
  readonly order: number;
  /** Hosts whose labels satisfy all of these; none: every host. */
  readonly expressions: readonly LabelExpression[];
  /** Every byte costs. */
  readonly metered: boolean;
  readonly limits: readonly LinkLimitRule[];
  /** IANA name, of the hours of limits; empty: UTC. */
  readonly timeZone: string;
  readonly images: ImageSource;
  /** Hosts with the same value of this label fetch layers from each other; empty: they do not. */
  readonly siteLabel: string;
}

export interface LinkProfile {
  readonly id: string;
  readonly organizationId: string;
  readonly rule: LinkRule;
  /** Rises with each change; the etag. */
  readonly version: number;
}

/** A host as profiles look at it. */
export interface LabelledHost {
  readonly hostId: string;
  /** Given by a person or a token; what a host says of itself opens no link. */
  readonly labels: Readonly<Record<string, string>>;
}

/** The profile that a host follows, for lists of hosts and for what goes over its link. */
export interface LinkOfHost {
  readonly profileId: string;
  readonly profileName: string;
  readonly metered: boolean;
  readonly images: ImageSource;
  readonly siteLabel: string;
  /** The host's own value of it; empty: it is at no site. */
  readonly siteValue: string;
}

/** What a host was told, or would be. */
export interface LinkToTell {
  /** Empty for a host that no profile is about: its link is open. */
  readonly digest: string;
  readonly metered: boolean;
}

/** Bytes of messages, as a host counts them since its agent's start. */
export interface ClassUsage {
  readonly class: LinkLimitRule["class"];
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly bytesFromPeers: number;
}

export interface LinkReported {
  /** LinkSettings.digest of what the host follows. */
  readonly digest: string;
  readonly usage: readonly ClassUsage[];
  readonly at: Date;
}
