import type { Progress } from "@windflow/proto/agent";
import type { ProgressEvent } from "../reconcile/options.ts";

/** What the loop does right now, as it goes over the wire. A pull that goes on counts as started. */
export function progressMessage(event: ProgressEvent): Progress {
  const { pull } = event;
  return {
    stackId: event.stackId,
    revision: event.revision,
    service: event.service ?? "",
    step: event.text,
    phase: event.phase === "progress" ? "started" : event.phase,
    problem: event.error ?? "",
    pull:
      pull === undefined
        ? undefined
        : {
            image: pull.reference,
            currentBytes: wholeBytes(pull.bytesDone),
            totalBytes: wholeBytes(pull.bytesTotal),
            layersDone: pull.layersDone,
            layersTotal: pull.layersTotal,
          },
  };
}

function wholeBytes(bytes: number): bigint {
  return BigInt(Math.max(0, Math.round(bytes)));
}
