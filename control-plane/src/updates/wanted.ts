import type { DesiredAgent } from "@windflow/proto/agent";
import { readAgentUpdates } from "../hosts/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { updateOfAttempt, type ReleaseFile } from "./model.ts";
import type { ReleaseCatalog, WantedFile } from "./releases.ts";
import { readProofs } from "./store.ts";
import type { Reader } from "./turns.ts";

/** What agents are to become, for the sessions with them. */
export interface WantedAgents {
  wantedOf(tx: UnitOfWork, hostIds: readonly string[]): Promise<(DesiredAgent | undefined)[]>;
  open(tx: UnitOfWork, reader: Reader, wanted: WantedFile): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** Time for the new agent to have a session; one that has none by then is not well. */
const PROVE_SECONDS = 120;

export function createWantedAgents(catalog: ReleaseCatalog): WantedAgents {
  return {
    wantedOf: async (tx, hostIds) => {
      const updates = await readAgentUpdates(tx, hostIds);
      const wanted = [...updates.values()].filter(({ update }) => update.wanted);
      if (wanted.length === 0) return hostIds.map(() => undefined);
      const proofs = await readProofs(tx, [...new Set(wanted.map(({ update }) => update.updateId))]);
      return hostIds.map((hostId) => {
        const { update, arch = "" } = updates.get(hostId) ?? {};
        const of = update?.wanted === true ? proofs.get(updateOfAttempt(update.attempt)) : undefined;
        if (update === undefined || of === undefined) return undefined;
        const { release, sums, signature, permit, permitSignature, stableMs } = of;
        return {
          updateId: update.attempt,
          version: release.version,
          commit: release.commit,
          releaseId: release.id,
          sums,
          signature,
          files: filesFor(release.files, arch).map(({ name, sizeBytes }) => ({ name, sizeBytes: BigInt(sizeBytes) })),
          proveSeconds: PROVE_SECONDS,
          stableSeconds: Math.ceil(stableMs / 1000),
          permit,
          permitSignature,
        };
      });
    },
    open: async (tx, reader, wanted) => {
      const { hostId } = reader;
      const { releaseId, name } = wanted;
      const { update, arch = "" } = (await readAgentUpdates(tx, [hostId])).get(hostId) ?? {};
      if (update?.wanted !== true) return undefined;
      const release = (await readProofs(tx, [update.updateId])).get(update.updateId)?.release;
      const file = release?.files.find((one) => one.name === name && (one.arch === "" || one.arch === arch));
      if (release?.id !== releaseId || file === undefined) return undefined;
      return catalog.read(reader, wanted);
    },
  };
}

/** Those of the host's architecture, the smallest first; what is for every host comes by its name. */
function filesFor(files: readonly ReleaseFile[], arch: string): readonly ReleaseFile[] {
  return files.filter((file) => file.arch === arch && arch !== "").toSorted((a, b) => a.sizeBytes - b.sizeBytes);
}
