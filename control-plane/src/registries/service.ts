import { announce } from "../events/index.ts";
import {
  commonErrors,
  isUniqueViolation,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import type { Vault } from "../secrets/index.ts";
import { openCredential, sealPassword } from "./credentials.ts";
import { checkedAddress, type Registry } from "./model.ts";
import type { AuditTrail, RegistryTester, SignInOutcome } from "./ports.ts";
import {
  deleteRegistry,
  insertRegistry,
  listRegistries,
  readRegistry,
  updateRegistry,
  type SealedRegistry,
} from "./store.ts";

/** Credentials for registries. A password goes in and never comes out: only hosts that pull from the registry get it, sealed. */
export interface RegistriesService {
  create(caller: Caller, wanted: { address: string; username: string; password: string }): Promise<Registry>;
  /** Empty username or password: as it was. An empty etag overwrites whatever is there. */
  update(
    caller: Caller,
    change: { registryId: string; username: string; password: string; etag: string },
  ): Promise<Registry>;
  delete(caller: Caller, registryId: string): Promise<void>;
  /** By address, after `after`. */
  list(caller: Caller, page: { after: string | undefined; limit: number }): Promise<Registry[]>;
  /** Signs in with what is stored, from the engine of a host. */
  test(caller: Caller, wanted: { registryId: string; hostId: string; signal: AbortSignal }): Promise<SignInOutcome>;
}

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly vault: Vault;
  readonly audit: AuditTrail;
  readonly tester: RegistryTester;
}

export function createRegistriesService(parts: Parts): RegistriesService {
  const { database, clock, newId, vault, audit, tester } = parts;

  async function told(
    tx: UnitOfWork,
    caller: Caller,
    registry: Registry,
    act: { action: string; change: "created" | "updated" | "deleted"; detail: Record<string, unknown> },
  ): Promise<void> {
    const { organizationId, id, address } = registry;
    announce(tx, { organizationId, kind: "registry", id, change: act.change, at: clock.now() });
    await audit.record(tx, caller, {
      action: `registries.${act.action}`,
      targetKind: "registry",
      targetId: id,
      detail: { address, ...act.detail },
    });
  }

  return {
    create: async (caller, { address: written, username, password }) => {
      const { organizationId } = caller;
      const address = requireAddress(written);
      const at = clock.now();
      const registry: Registry = {
        id: newId("reg"),
        organizationId,
        address,
        username,
        version: 1,
        createdBy: caller.name,
        createdAt: at,
        updatedAt: at,
      };
      try {
        return await database.inOrganization(caller, async (tx) => {
          const sealedPassword = await sealPassword(tx, vault, registry, password);
          await insertRegistry(tx, { ...registry, sealedPassword });
          await told(tx, caller, registry, { action: "create", change: "created", detail: { username } });
          return registry;
        });
      } catch (error) {
        if (!isUniqueViolation(error, "registries_address")) throw error;
        const detail = `There are credentials for ${address} already.`;
        throw new ProblemError({ code: commonErrors.WF_ALREADY_EXISTS, detail, cause: error });
      }
    },
    update: (caller, { registryId, username, password, etag }) =>
      database.inOrganization(caller, async (tx) => {
        const before = await requireRegistry(tx, caller, registryId, "lock");
        if (etag !== "" && etag !== etagOf(before)) throw new ProblemError({ code: commonErrors.WF_ETAG_MISMATCH });
        await updateRegistry(tx, before, {
          updatedAt: clock.now(),
          ...(username === "" ? {} : { username }),
          ...(password === "" ? {} : { sealedPassword: await sealPassword(tx, vault, before, password) }),
        });
        const after = await requireRegistry(tx, caller, registryId, "look");
        const detail = { username: after.username, passwordChanged: password !== "" };
        await told(tx, caller, after, { action: "update", change: "updated", detail });
        return after;
      }),
    delete: (caller, registryId) =>
      database.inOrganization(caller, async (tx) => {
        const registry = await requireRegistry(tx, caller, registryId, "lock");
        await deleteRegistry(tx, registry);
        await told(tx, caller, registry, { action: "delete", change: "deleted", detail: {} });
      }),
    list: (caller, page) =>
      database.inOrganization(caller, (tx) => listRegistries(tx, { organizationId: caller.organizationId, ...page }), {
        readOnly: true,
      }),
    test: async (caller, { registryId, hostId, signal }) => {
      // Written down before it is done: whoever sends a password to a host leaves a trace.
      const credential = await database.inOrganization(caller, async (tx) => {
        const registry = await requireRegistry(tx, caller, registryId, "look");
        await audit.record(tx, caller, {
          action: "registries.test",
          targetKind: "registry",
          targetId: registry.id,
          detail: { address: registry.address, hostId },
        });
        return openCredential(tx, vault, registry);
      });
      return tester.signIn(caller, { hostId, credential, signal });
    },
  };
}

export function etagOf(registry: Registry): string {
  return String(registry.version);
}

async function requireRegistry(
  tx: UnitOfWork,
  caller: Caller,
  registryId: string,
  lock: "lock" | "look",
): Promise<SealedRegistry> {
  const registry = await readRegistry(tx, caller.organizationId, registryId, lock);
  if (registry !== undefined) return registry;
  const detail = `There are no registry credentials ${registryId} in this organization.`;
  throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail });
}

function requireAddress(written: string): string {
  const checked = checkedAddress(written);
  if ("address" in checked) return checked.address;
  throw new ProblemError({
    code: commonErrors.WF_INVALID_ARGUMENT,
    violations: [{ path: "address", message: checked.fault }],
  });
}
