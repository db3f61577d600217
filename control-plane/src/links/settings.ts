import { canonicalJson, sha256Hex } from "@windflow/core";
import type { LinkSettings } from "@windflow/proto/agent";
import type { LabelledHost, LinkProfile } from "./model.ts";
import { linkOf } from "./plan.ts";

// Names one of the few profiles of an organization; nobody gains by another with the same name.
const DIGEST_CHARACTERS = 16;

/** What hosts without a profile are told when they still follow one. */
export const OPEN_SETTINGS: LinkSettings = {
  digest: "",
  metered: false,
  limits: [],
  timeZone: "",
  images: "registry-then-control-plane",
  peers: false,
};

/** What the agent of a host is told. */
export function settingsOf(profile: LinkProfile | undefined, host: Pick<LabelledHost, "labels">): LinkSettings {
  if (profile === undefined) return OPEN_SETTINGS;
  const { metered, limits, timeZone, images } = profile.rule;
  const peers = linkOf(profile, host).siteValue !== "";
  const digest = sha256Hex(canonicalJson({ metered, limits, timeZone, images, peers })).slice(0, DIGEST_CHARACTERS);
  const told = limits.map(({ bytesPerSecond, ...limit }) => ({
    ...limit,
    bytesPerSecond: BigInt(bytesPerSecond),
    weekdays: [...limit.weekdays],
  }));
  return { digest, metered, limits: told, timeZone, images, peers };
}
