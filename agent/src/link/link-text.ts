import { LINK_CLASSES, hasHours } from "@windflow/core";
import type { Link } from "./link.ts";

/** What the link may do and has done, as lines for a person. */
export function linkText({ settings, shaper, ...link }: Pick<Link, "settings" | "shaper" | "now">): string {
  const { changesAt } = link.now();
  const until = changesAt === undefined ? "" : `, until ${new Date(changesAt).toISOString()}`;
  const source = settings.images === "registry" ? "" : `; images: ${settings.images}`;
  const kind = settings.metered ? "metered" : "not metered";
  const hours = settings.limits.some(hasHours) ? `; hours of ${settings.timeZone || "UTC"}${until}` : "";
  const usage = new Map(shaper.usage().map((used) => [used.class, used]));
  const lines = LINK_CLASSES.map((name) => {
    const { bytesSent = 0n, bytesReceived = 0n, bytesFromPeers = 0n } = usage.get(name) ?? {};
    const peers = bytesFromPeers > 0n ? `, ${bytesFromPeers} from hosts of the site` : "";
    return `  ${name.padEnd(8)} ${limitText(shaper.limitOf(name))}; ${bytesSent} bytes sent, ${bytesReceived} received${peers}`;
  });
  return [`link            ${kind}${hours}${source}; since the agent's start, bytes of messages:`, ...lines].join("\n");
}

function limitText(bytesPerSecond: number | undefined): string {
  if (bytesPerSecond === undefined) return "unlimited";
  return bytesPerSecond === 0 ? "stopped" : `at most ${bytesPerSecond} bytes/s`;
}
