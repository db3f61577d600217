import { registryOf } from "@windflow/core";
import type { Clock } from "../platform/clock.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import type { ReconcileEngine } from "../reconcile/engine.ts";
import { RegistryError } from "../registries/engine.ts";
import type { ImageSource } from "../link/index.ts";
import { AgentError } from "../errors.ts";
import { type Delivery, DeliveryRefusal, type WantedImage } from "./deliver-image.ts";

export type PullImagePort = ReconcileEngine["pullImage"];

// An engine tries a dead address for 15 s and more: the next images of that registry need not wait for it again.
const UNREACHED_MS = 300_000;

/**
 * Pulls as the host's link settings say: by the engine, from the control plane, or from there when the registry is not reached. A
 * registry that answers "no" has answered.
 */
export function createPullImage(parts: {
  readonly engine: Pick<ReconcileEngine, "pullImage">;
  readonly delivery: Delivery;
  readonly clock: Clock;
  readonly log: Log;
  /** `linux/amd64`: that of images which ask for no other. */
  readonly platform: string;
  readonly source: () => ImageSource;
}): PullImagePort {
  const { engine, delivery, clock, log, source } = parts;
  const unreached = new Map<string, { readonly until: number; readonly why: string }>();

  return async (request, onProgress) => {
    const { reference, tagAs = reference, signal = new AbortController().signal } = request;
    const from = source();
    const at = reference.indexOf("@");
    const wanted: WantedImage | undefined =
      at < 0
        ? undefined
        : { reference: tagAs, digest: reference.slice(at + 1), platform: request.platform ?? parts.platform };
    if (from === "registry") return engine.pullImage(request, onProgress);
    const there = wanted && (await delivery.present(wanted));
    if (there !== undefined) return there;
    if (from === "control-plane") {
      if (wanted === undefined) throw unresolved(tagAs);
      return delivery.bring(wanted, onProgress, signal);
    }
    const address = registryOf(reference);
    const known = unreached.get(address);
    let why = known !== undefined && known.until > clock.now() ? known.why : undefined;
    if (why === undefined || wanted === undefined) {
      try {
        return await engine.pullImage(request, onProgress);
      } catch (error) {
        const isAway = error instanceof RegistryError && error.code === "WF_REGISTRY_UNREACHABLE";
        if (!isAway || wanted === undefined) throw error;
        why = reasonOf(error);
        unreached.set(address, { until: clock.now() + UNREACHED_MS, why });
      }
    }
    log("info", "The registry is not reached; the image comes from the control plane.", { address, reason: why });
    try {
      return await delivery.bring(wanted, onProgress, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      // The next try begins with the registry, which may be back.
      unreached.delete(address);
      // Neither way: a person needs both sentences to see which one to mend.
      if (error instanceof DeliveryRefusal) throw error.after(why);
      throw new Error(`${why}. ${reasonOf(error)}`, { cause: error });
    }
  };
}

function unresolved(reference: string): AgentError {
  return new AgentError(
    "WF_IMAGE_UNRESOLVED",
    `The image ${reference} is to come from the control plane, and this revision does not say which bytes its tag stands for: create a new revision while the registry is reached from the control plane or from a host.`,
  );
}
