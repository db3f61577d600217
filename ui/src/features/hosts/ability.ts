/** Words of an agent that the pages have a sentence for. */
const KNOWN = ["docker", "podman", "systemd"] as const;
/** What an engine lacks beside Docker; kept in step with docs/engines.md. */
const LACKS = { podman: ["buildkit", "healthTimers", "swarm"] } as const;

export interface Abilities {
  can: (typeof KNOWN)[number][];
  lacks: (typeof LACKS)["podman"][number][];
  /** Words of an agent that is newer than these pages. */
  others: string[];
}
export function abilitiesOf(capabilities: readonly string[]): Abilities {
  const can = KNOWN.filter((word) => capabilities.includes(word));
  return {
    can,
    lacks: can.includes("podman") ? [...LACKS.podman] : [],
    others: capabilities.filter((word) => !(KNOWN as readonly string[]).includes(word)),
  };
}
