import type { RegistriesServiceService, Registry as RegistryMessage } from "@windflow/proto/api";
import { pageOf, readPage, type Handlers } from "../api/index.ts";
import type { Registry } from "./model.ts";
import { etagOf, type RegistriesService } from "./service.ts";

export function registriesHandlers(parts: {
  readonly service: RegistriesService;
}): Handlers<typeof RegistriesServiceService> {
  const { service } = parts;
  return {
    listRegistries: async (request, { caller }) => {
      const query = { list: "registries" };
      const page = readPage(request.page, query);
      const after = page.after?.[0];
      const found = await service.list(caller, {
        after: typeof after === "string" ? after : undefined,
        limit: page.size + 1,
      });
      const { rows, nextPageToken } = pageOf(found, page, query, (registry) => [registry.address]);
      return { registries: rows.map(registryMessage), nextPageToken };
    },
    createRegistry: async (request, { caller }) => registryMessage(await service.create(caller, request)),
    updateRegistry: async (request, { caller }) => registryMessage(await service.update(caller, request)),
    deleteRegistry: async (request, { caller }) => {
      await service.delete(caller, request.registryId);
      return {};
    },
    testRegistry: async ({ registryId, hostId }, { caller, signal }) => {
      const outcome = await service.test(caller, { registryId, hostId, signal });
      return { ok: outcome.problem === "", ...outcome };
    },
  };
}

function registryMessage(registry: Registry): RegistryMessage {
  const { id, address, username, createdAt, updatedAt, createdBy } = registry;
  return { id, address, username, createdAt, updatedAt, createdBy, etag: etagOf(registry) };
}
