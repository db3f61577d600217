import type { RegistryReply } from "@windflow/proto/agent";
import { listHostSummaries, readSealingKey } from "../hosts/index.ts";
import { commonErrors, ProblemError, type Caller, type Database } from "../platform/index.ts";
import { registriesErrors, type RegistryTester } from "../registries/index.ts";
import { sealedCredentials } from "./sealed-credentials.ts";

/** The part of the agents' gateway that a sign-in goes through. */
export interface SignInGateway {
  signIn(
    hostId: string,
    asked: { readonly address: string; readonly sealed: Uint8Array },
    signal?: AbortSignal,
  ): Promise<RegistryReply>;
}

// A sentence for a person; it comes from a host.
const MAX_PROBLEM_CHARACTERS = 500;

/** Signs in to a registry from the engine of a host. */
export function createRegistryTester(parts: {
  readonly database: Database;
  readonly gateway: SignInGateway;
}): RegistryTester {
  const { database, gateway } = parts;
  return {
    signIn: async (caller, { hostId, credential, signal }) => {
      const host = await hostFor(database, caller, hostId);
      const sealed = sealedCredentials(host, [credential]);
      const { problem } = await gateway.signIn(host.hostId, { address: credential.address, sealed }, signal);
      return { problem: problem.slice(0, MAX_PROBLEM_CHARACTERS), hostId: host.hostId, hostName: host.hostName };
    },
  };
}

function hostFor(
  database: Database,
  caller: Caller,
  wantedId: string,
): Promise<{ hostId: string; hostName: string; sealingKey: Uint8Array }> {
  return database.inOrganization(
    caller,
    async (tx) => {
      const hosts = await listHostSummaries(tx, wantedId === "" ? {} : { hostIds: [wantedId] });
      if (wantedId !== "" && hosts.length === 0) {
        const detail = `There is no host ${wantedId} in this organization.`;
        throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail });
      }
      const online = hosts.find((host) => host.presence === "online" && !host.awaitingApproval && !host.revoked);
      const sealingKey = online && (await readSealingKey(tx, online.hostId));
      if (online === undefined || sealingKey === undefined) {
        const named = hosts.find((host) => host.hostId === wantedId);
        const detail = named && `${named.name} cannot try it: it is not connected, or waits for approval.`;
        const code = registriesErrors.WF_REGISTRY_NO_HOST;
        throw new ProblemError({ code, ...(detail === undefined ? {} : { detail }) });
      }
      return { hostId: online.hostId, hostName: online.name, sealingKey };
    },
    { readOnly: true },
  );
}
