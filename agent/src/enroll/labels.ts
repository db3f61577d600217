import { AgentError } from "../errors.ts";

/** `site=paris,rack=4` as a record. @throws AgentError WF_CONFIG_INVALID naming the part that is none */
export function parseLabels(text: string): Record<string, string> {
  const parts = text.split(",").map((part) => part.trim());
  return Object.fromEntries(
    parts
      .filter((part) => part !== "")
      .map((part): [string, string] => {
        const equals = part.indexOf("=");
        if (equals > 0) return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()];
        throw new AgentError("WF_CONFIG_INVALID", `"${part}" is no label. Give them as --labels site=paris,rack=4.`);
      }),
  );
}
