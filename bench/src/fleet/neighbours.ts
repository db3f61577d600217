import { measureCommands, type CommandTimes } from "./asking.ts";
import { MISDEEDS, type Misdeed } from "./hostile.ts";
import type { Scale } from "./scale.ts";
import type { Site } from "./site.ts";
import type { Workers } from "./workers.ts";

export interface NeighbourFigures {
  /** Frames that the bad ones got rid of, and sessions that they opened for it. */
  readonly misdeeds: Record<Misdeed, { sent: number; sessions: number }>;
  /** Of the others, beside them. */
  readonly commands: CommandTimes;
  readonly sessionsLost: number;
  readonly residentKbGrown: number;
}

/** Every misdeed at once, by a host each, while the others go on. */
export async function measureBadNeighbours(site: Site, workers: Workers, scale: Scale): Promise<NeighbourFigures> {
  const before = await workers.tally();
  const { residentKb } = site.use();
  const bad = MISDEEDS.map((misdeed) => workers.one(0, "misbehave", { misdeed, forMs: scale.misdeedMs }));
  const commands = await measureCommands(site, scale.commands);
  const done = await Promise.all(bad);
  const after = await workers.tally();
  return {
    misdeeds: Object.fromEntries(MISDEEDS.map((misdeed, i) => [misdeed, done[i]])) as NeighbourFigures["misdeeds"],
    commands,
    sessionsLost: lost(after) - lost(before),
    residentKbGrown: site.use().residentKb - residentKb,
  };
}

const lost = ({ counts }: Awaited<ReturnType<Workers["tally"]>>): number =>
  Object.values(counts.ended).reduce((sum, one) => sum + one, 0);
