import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { AgentError } from "../errors.ts";
import type { Slots } from "./slots.ts";
import type { UpdateStatus } from "./status-file.ts";

/** Root waits for the answer of a command. */
const VERSION_TIMEOUT_MS = 20_000;
const PROVE_SECONDS = 120;
const STABLE_SECONDS = 10;

/**
 * Puts the agent before this one on trial, as an update would be: it has to prove itself too.
 * @throws AgentError WF_UPDATE_IMPOSSIBLE when there is none.
 */
export function goBack(slots: Slots, fromVersion: string, status: UpdateStatus | undefined): string {
  const program = slots.program(slots.other);
  if (!existsSync(program))
    throw new AgentError(
      "WF_UPDATE_IMPOSSIBLE",
      "This host keeps no agent before this one: there was no update, or the last one was undone, or there was no room for both.",
    );
  const said = execFileSync(program, ["--version"], { encoding: "utf8", timeout: VERSION_TIMEOUT_MS });
  const version = said.split(" ")[1] ?? "";
  slots.putOnTrial({
    slot: slots.other,
    updateId: status?.updateId ?? "",
    version,
    fromVersion,
    proveSeconds: PROVE_SECONDS,
    stableSeconds: STABLE_SECONDS,
    local: true,
  });
  return `This host goes back from ${fromVersion} to ${version}. It stays there when it has a session within ${PROVE_SECONDS} s, and comes back to ${fromVersion} otherwise.`;
}
