import { createHash } from "node:crypto";
import { chmod, cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { EngineAddress } from "../engine/ping.ts";
import { run } from "../engine/run.ts";
import { imageLabel, importImage } from "./import.ts";
import { type TarOptions, packTree, packageTar } from "./package-tar.ts";

/** Label with the digest of an image's files: the same files are not imported twice, so the image's id stays. */
const CONTENT_LABEL = "windflow.example.content";

interface HelloImage {
  reference: string;
  /** Puts the example's files into the busybox tree. */
  fill: (example: string, tree: string) => Promise<void>;
  changes: readonly string[];
}

const IMAGES: readonly HelloImage[] = [
  {
    reference: "windflow/hello-pulse:1",
    fill: async (example, tree) => {
      await mkdir(join(tree, "heartbeat"));
      await program(join(example, "pulse/pulse.sh"), join(tree, "usr/bin/pulse"));
    },
    changes: ['CMD ["pulse"]'],
  },
  {
    reference: "windflow/hello-web:1",
    fill: async (example, tree) => {
      await mkdir(join(tree, "heartbeat"));
      await mkdir(join(tree, "www"));
      await cp(join(example, "web/index.html"), join(tree, "www/index.html"));
      await run("ln", ["-s", "/heartbeat", join(tree, "www/heartbeat")]);
      await program(join(example, "web/serve.sh"), join(tree, "usr/bin/serve"));
    },
    changes: ['CMD ["serve"]', "EXPOSE 8080"],
  },
];

/** Makes sure that the engine has the images of examples/hello; gives their references. No registry is asked. */
export async function buildHelloImages(engine: EngineAddress, example: string, options: TarOptions): Promise<string[]> {
  const base = await packageTar({ name: "busybox", packages: ["busybox-static"] }, options);
  for (const image of IMAGES) await buildOne(engine, image, base, example, options);
  return IMAGES.map((image) => image.reference);
}

async function buildOne(
  engine: EngineAddress,
  image: HelloImage,
  base: string,
  example: string,
  { cacheFolder, onProgress }: TarOptions,
): Promise<void> {
  const work = await mkdtemp(join(cacheFolder, "images", "hello-"));
  try {
    const tree = join(work, "tree");
    await mkdir(tree);
    await run("tar", ["-xf", base, "-C", tree]);
    await image.fill(example, tree);
    const tar = join(work, "image.tar");
    await packTree(tree, tar);
    const content = createHash("sha256")
      .update(await readFile(tar))
      .update(image.changes.join("\n"))
      .digest("hex");
    if ((await imageLabel(engine, image.reference, CONTENT_LABEL)) === content) return;
    onProgress(`building the image ${image.reference} …`);
    await importImage(engine, {
      tar,
      reference: image.reference,
      changes: [...image.changes, `LABEL ${CONTENT_LABEL}=${content}`],
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function program(from: string, to: string): Promise<void> {
  await cp(from, to);
  await chmod(to, 0o755);
}
