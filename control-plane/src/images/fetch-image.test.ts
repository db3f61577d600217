import { sha256Digest } from "@windflow/core";
import { expect, test } from "vitest";
import { readContents } from "./fetch-image.ts";
import type { RegistryClient } from "./registry-client.ts";

const GIB = 1024 ** 3;

test("layers of up to 20 GiB travel; one that is larger is refused with what it has and what may be", async () => {
  const config = Buffer.from("{}");
  const read = (sizeBytes: number): Promise<unknown> => {
    const layer = {
      mediaType: "application/vnd.oci.image.layer.v1.tar+zstd",
      digest: sha256Digest(Buffer.from("layer")),
    };
    const manifest = Buffer.from(
      JSON.stringify({
        config: { digest: sha256Digest(config), size: config.length },
        layers: [{ ...layer, size: sizeBytes }],
      }),
    );
    const client: RegistryClient = {
      document: async () => manifest,
      blob: async function* () {
        yield config;
      },
    };
    return readContents(client, { source: "r/app", digest: sha256Digest(manifest), platform: "linux/amd64" });
  };
  expect(await read(20 * GIB)).toMatchObject({ layers: [{ sizeBytes: 20 * GIB }] });
  await expect(read(20 * GIB + 1)).rejects.toMatchObject({
    code: { code: "WF_IMAGE_UNSUPPORTED" },
    detail: expect.stringMatching(/^its layer sha256:\w+ has 21\.5 GB, and 21\.5 GB are the most that travel$/),
  });
});
