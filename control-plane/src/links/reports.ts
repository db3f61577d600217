import { LINK_CLASSES } from "@windflow/core";
import type { LinkReport } from "@windflow/proto/agent";
import { field, type Clock, type Database, type Log, type UnitOfWork } from "../platform/index.ts";
import type { ClassUsage, LinkReported } from "./model.ts";
import { readReport, saveReports } from "./store.ts";

/** What hosts told of their links: the newest in memory, what hosts with a profile told once a minute in the database. */
export interface LinkReports {
  note(host: { organizationId: string; hostId: string; at: Date }, report: LinkReport): void;
  /** Undefined for a host that has told nothing yet. */
  of(tx: UnitOfWork, hostId: string): Promise<LinkReported | undefined>;
  start(): void;
  stop(): Promise<void>;
}

const SAVE_EVERY_MS = 60_000;
// A host that is away for a day tells anew when it comes back; until then the database has it.
const FORGET_AFTER_MS = 86_400_000;
const MAX_DIGEST_CHARACTERS = 64;

interface Noted extends LinkReported {
  readonly organizationId: string;
  readonly hostId: string;
}

export function createLinkReports(parts: { database: Database; clock: Clock; log: Log }): LinkReports {
  const { database, clock, log } = parts;
  const noted = new Map<string, Noted>();
  const unsaved = new Set<string>();
  const stopping = new AbortController();
  let loop: Promise<void> = Promise.resolve();

  async function save(): Promise<void> {
    const oldest = clock.now().getTime() - FORGET_AFTER_MS;
    for (const [hostId, { at }] of noted) if (at.getTime() < oldest) noted.delete(hostId);
    const reports = [...unsaved].flatMap((hostId) => noted.get(hostId) ?? []);
    if (reports.length === 0) return;
    unsaved.clear();
    try {
      await database.asSystem((tx) => saveReports(tx, reports));
    } catch (error) {
      for (const { hostId } of reports) unsaved.add(hostId);
      log.warn(
        { err: error, [field.area]: "links" },
        "What hosts told of their links could not be kept; it is tried again.",
      );
    }
  }
  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(SAVE_EVERY_MS, stopping.signal).catch(() => undefined);
      await save();
    }
  }

  return {
    note: ({ organizationId, hostId, at }, report) => {
      const digest = report.digest.slice(0, MAX_DIGEST_CHARACTERS);
      noted.set(hostId, { organizationId, hostId, at, digest, usage: usageOf(report) });
      // Nobody misses the figures of an open link after a restart: they come again within minutes.
      if (digest !== "") unsaved.add(hostId);
    },
    of: async (tx, hostId) => noted.get(hostId) ?? readReport(tx, hostId),
    start: () => {
      loop = run();
    },
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

/** All classes, each once, whatever the host wrote. */
function usageOf({ usage }: LinkReport): ClassUsage[] {
  const told = new Map(usage.map((used) => [used.class, used]));
  return LINK_CLASSES.map((name) => {
    const { bytesSent = 0n, bytesReceived = 0n, bytesFromPeers = 0n } = told.get(name) ?? {};
    return {
      class: name,
      bytesSent: Number(bytesSent),
      bytesReceived: Number(bytesReceived),
      bytesFromPeers: Number(bytesFromPeers),
    };
  });
}
