import type { FilesServiceService, StoredFile as StoredFileMessage } from "@windflow/proto/api";
import type { Handlers } from "../api/index.ts";
import type { StoredFile } from "./model.ts";
import type { FilesService } from "./service.ts";

export function filesHandlers(service: FilesService): Handlers<typeof FilesServiceService> {
  return {
    checkFiles: async ({ digests }, { caller }) => ({ files: (await service.check(caller, digests)).map(message) }),
    putFileChunk: async ({ digest, sizeBytes, offset, content }, { caller }) =>
      message(await service.put(caller, { digest, sizeBytes: Number(sizeBytes), offset: Number(offset), content })),
  };
}

function message({ digest, sizeBytes, receivedBytes }: StoredFile): StoredFileMessage {
  return { digest, sizeBytes: BigInt(sizeBytes), receivedBytes: BigInt(receivedBytes) };
}
