// Pure: what `iptables-save` printed in, the same without what a Docker Engine added out.

/**
 * Drops the engine's own chains, the jumps into them, and rules on its bridges. Everything else stays word for word, so
 * that `iptables-restore` of the result leaves other rules of the machine alone.
 */
export function withoutEngineRules(saved: string, bridges: readonly string[]): string {
  const onBridge = (line: string): boolean => bridges.some((bridge) => line.split(" ").includes(bridge));
  const ours = (line: string): boolean =>
    /^:DOCKER\b/.test(line) || /^-A DOCKER\b/.test(line) || / -j DOCKER\b/.test(line);
  return saved
    .split("\n")
    .filter((line) => !ours(line) && !(line.startsWith("-A ") && onBridge(line)))
    .join("\n");
}
