import type { ComposeService } from "../compose/model.ts";
import type { ObservedContainer } from "./observed.ts";
import { healingText } from "./healing.ts";
import { restartPolicy } from "./restart-policy.ts";

/** What a container that is as it should be still needs. */
export type Need = { readonly act: "start"; readonly cause: string } | { readonly act: "none" };

/** Whether an engine would leave it stopped although it ought to run. A container that ended by itself under `restart: no` has had its run. */
export function needOf(container: ObservedContainer, service: ComposeService): Need {
  if (container.state === "created") return { act: "start", cause: "created, not started yet" };
  if (container.state !== "exited") return { act: "none" };
  const { healing } = container;
  if (healing !== undefined && healing.state !== "watched")
    return healing.state === "acting"
      ? { act: "start", cause: `${exitText(container)}: ${healingText(healing)}` }
      : { act: "none" };
  const exit = exitText(container);
  const { name: policy } = restartPolicy(service);
  if (policy === "always" || policy === "unless-stopped")
    return { act: "start", cause: `${exit}, restart is ${policy}` };
  if (container.interrupted === true) return { act: "start", cause: `${exit}, but not by itself` };
  return { act: "none" };
}

/** It ran to its end with exit code 0 and is not to be started again. */
export function isCompleted(container: ObservedContainer, service: ComposeService): boolean {
  if (container.healing !== undefined && container.healing.state !== "watched") return false;
  return container.state === "exited" && container.exitCode === 0 && needOf(container, service).act === "none";
}

/** It ended with an error and nobody will start it again. */
export function isFailed(container: ObservedContainer, service: ComposeService): boolean {
  if (container.healing?.state === "waiting") return false;
  return container.state === "exited" && container.exitCode !== 0 && needOf(container, service).act === "none";
}

function exitText({ exitCode }: ObservedContainer): string {
  return exitCode === undefined ? "it ended" : `it ended with exit code ${exitCode}`;
}
