import { type RegistryReply, type RegistryRequest, SealedBox } from "@windflow/proto/agent";
import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/log.ts";
import { RegistryError, type RegistryEngine } from "./engine.ts";
import { inTime } from "./in-time.ts";
import type { Registries } from "./registries.ts";
import { registryTimeout } from "./registry-words.ts";

/** The engine itself gives up on an address that does not answer after 15 s, with a better sentence. */
const SIGN_IN_MS = 20_000;

/** Tries credentials and says what the registry said to them. */
export async function signInReply(
  request: RegistryRequest,
  parts: { readonly engine: RegistryEngine; readonly registries: Pick<Registries, "open">; readonly clock: Clock },
): Promise<RegistryReply> {
  const { requestId, address } = request;
  try {
    const credentials = parts.registries.open(SealedBox.decode(request.sealed)).get(address);
    if (credentials === undefined) throw new Error(`no credentials for ${address} came with the request`);
    const late = (): Error => registryTimeout(address, SIGN_IN_MS / 1000);
    await inTime(parts.clock, SIGN_IN_MS, late, (signal) => parts.engine.signIn(credentials, signal));
    return { requestId, problem: "" };
  } catch (error) {
    return { requestId, problem: error instanceof RegistryError ? error.sentence : reasonOf(error) };
  }
}
