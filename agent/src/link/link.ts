import {
  type LimitsNow,
  type LinkClass,
  type LinkPace,
  clockOf,
  hasHours,
  isTimeZone,
  limitsAt,
  paceOf,
} from "@windflow/core";
import type { LinkReport, LinkSettings } from "@windflow/proto/agent";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type { SessionLink } from "../session/session.ts";
import { type HostLink, linkOfMessage, loadLink, saveLink } from "./settings-file.ts";
import { type Shaper, createShaper } from "./shaper.ts";

/** How late an hour may begin when the clock is set meanwhile. */
const LOOK_AGAIN_MS = 60_000;
/** What was used is told so often. Where every byte costs that is a report of 150 bytes each half an hour. */
const REPORT_EVERY_MS = 300_000;
const METERED_REPORT_EVERY_MS = 1_800_000;

/** What the host may do with its link, in force from the first byte after a start, and what it has done. */
export interface Link {
  readonly settings: HostLink;
  readonly shaper: Shaper;
  readonly pace: LinkPace;
  /** What holds now, and until when. */
  now(): LimitsNow;
  /** Durable and in force when it returns. */
  take(message: LinkSettings): void;
  report(): LinkReport;
  /** Tells what was used for as long as the session lasts. */
  attach(session: SessionLink): void;
  stop(): void;
}

export interface LinkParts {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds since the epoch; never before a time that is known to have passed. */
  readonly now: () => number;
}

export function openLink(parts: LinkParts): Link {
  const { clock, folder, log } = parts;
  const shaper = createShaper(clock);
  let settings = loadLink(folder);
  let session: SessionLink | undefined;
  let cancelLook: () => void = () => undefined;
  let cancelReport: () => void = () => undefined;
  let told = "";

  const now = (): LimitsNow => {
    const { limits, timeZone } = settings;
    const isKnown = isTimeZone(timeZone);
    return limitsAt(limits, clockOf(isKnown ? timeZone : "UTC"), parts.now());
  };
  const look = (): void => {
    cancelLook();
    if (settings.limits.length === 0) return shaper.setLimits(new Map());
    const { inForce } = now();
    const limits = new Map<LinkClass, number>();
    for (const [name, index] of inForce) limits.set(name, settings.limits[index]?.bytesPerSecond ?? 0);
    shaper.setLimits(limits);
    const text = [...limits].map(([name, bytes]) => `${name} ${bytes}`).join(", ");
    if (text !== told) log("info", "The limits of the link have changed.", { limits: text === "" ? "none" : text });
    told = text;
    if (settings.limits.some(hasHours)) cancelLook = clock.after(LOOK_AGAIN_MS, look);
  };
  const report = (): LinkReport => ({ digest: settings.digest, usage: shaper.usage() });
  const tell = (): void => {
    cancelReport();
    if (session === undefined || session.ended.aborted) return;
    session.send({ $case: "linkReport", value: report() });
    cancelReport = clock.after(settings.metered ? METERED_REPORT_EVERY_MS : REPORT_EVERY_MS, tell);
  };
  if (settings.timeZone !== "" && !isTimeZone(settings.timeZone))
    log("warn", "The time zone of the link's limits is not known here; UTC is used.", { name: settings.timeZone });
  look();

  return {
    get settings() {
      return settings;
    },
    shaper,
    get pace() {
      return paceOf(settings.metered);
    },
    now,
    take: (message) => {
      settings = linkOfMessage(message);
      saveLink(folder, settings);
      look();
      tell();
    },
    report,
    attach: (next) => {
      session = next;
      tell();
    },
    stop: () => {
      cancelLook();
      cancelReport();
    },
  };
}
