import { existsSync } from "node:fs";
import { type Installation, openSlots } from "./slots.ts";
import { type UpdateStatus, loadStatus } from "./status-file.ts";

/** Where the last update stands, as a line for a person. */
export function describeStatus(status: UpdateStatus | undefined): string {
  if (status === undefined) return "there was no update yet";
  const { state, version, fromVersion, cause, code, at } = status;
  const when = new Date(at).toISOString();
  const why = code === "" ? "" : ` (${code}): ${cause}`;
  return `from ${fromVersion} to ${version} ${state}, ${when}${why}`;
}

/** What `windflow-agent update --status` says; asks nobody. */
export function describeUpdate(stateDir: string, installation: Installation | undefined, version: string): string {
  const lines = [`agent           ${version}`, `last update     ${describeStatus(loadStatus(stateDir))}`];
  if (installation === undefined)
    return `${[...lines, "slots           none: it was not installed by install.sh"].join("\n")}\n`;
  const slots = openSlots(installation);
  const trial = slots.trial();
  const kept = existsSync(slots.program(slots.other));
  lines.push(`slots           ${installation.folder}, current is ${slots.own}`);
  lines.push(`way back        ${kept ? `slot ${slots.other}: "windflow-agent update --revert"` : "none is kept"}`);
  if (trial !== undefined) lines.push(`on trial        ${trial.version} in slot ${trial.slot}`);
  const problem = slots.problem();
  if (problem !== "") lines.push(`problem         ${problem}`);
  return `${lines.join("\n")}\n`;
}
