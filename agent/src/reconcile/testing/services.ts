import type { ComposeHealthcheck, ComposeModel, ComposeService, DesiredStack } from "@windflow/core";
import { stackOf } from "./harness.ts";

/** Runs until it is told to end, and then ends at once. */
export const IDLE: string[] = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];

/** Says at once that all is well. */
export const PROBE: ComposeHealthcheck = { test: ["CMD", "true"], interval: "1s", timeout: "3s", retries: 3 };

/** A service of the image busybox that does nothing, on the stack's own network. */
export function idleService(extra: Partial<ComposeService> = {}): ComposeService {
  return { image: "wf/busybox:1", command: IDLE, entrypoint: null, networks: { default: null }, ...extra };
}

/** A stack of one service, `web`, with its own network. */
export function webStack(
  name: string,
  revision: number,
  web: Partial<ComposeService>,
  more: Partial<ComposeModel> = {},
): DesiredStack {
  return stackOf(name, revision, {
    networks: { default: { name: `${name}_default`, ipam: {} } },
    services: { web: idleService(web) },
    ...more,
  });
}
