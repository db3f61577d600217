import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TreeRecipe, importImage, packageTar } from "@windflow/installer";
import type Docker from "dockerode";
import { cacheFolder } from "./paths.ts";

/** Images made here from the machine's own packages; no registry is asked. */
export type ImageName = "busybox" | "nginx" | "redis" | "python";

interface Recipe extends TreeRecipe {
  reference: string;
  /** Dockerfile instructions for the import. */
  changes: readonly string[];
}

const REDIS = ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", "/data"];

const RECIPES: Record<ImageName, Recipe> = {
  busybox: { name: "busybox", reference: "wf/busybox:1", packages: ["busybox-static"], changes: ['CMD ["/bin/sh"]'] },
  nginx: {
    name: "nginx",
    reference: "wf/nginx:1",
    packages: ["nginx-light", "busybox-static"],
    finish: finishNginx,
    changes: ['CMD ["nginx", "-g", "daemon off;"]', "EXPOSE 80"],
  },
  redis: {
    name: "redis",
    reference: "wf/redis:1",
    packages: ["redis-server", "redis-tools", "busybox-static"],
    finish: (tree) => mkdir(join(tree, "data")),
    changes: [`CMD ${JSON.stringify(REDIS)}`, "EXPOSE 6379", "VOLUME /data"],
  },
  python: {
    name: "python",
    reference: "wf/python:1",
    packages: ["python3-minimal", "python3", "busybox-static"],
    changes: ['CMD ["python3"]'],
  },
};

/** Makes sure that an engine has the images; gives their references by name. About 0.2 s each from the cache. */
export async function buildImages<Name extends ImageName>(
  docker: Docker,
  names: readonly Name[],
): Promise<Record<Name, string>> {
  const references = {} as Record<Name, string>;
  const { socketPath } = docker.modem as { socketPath?: string };
  if (socketPath === undefined) throw new Error("buildImages needs an engine on a unix socket");
  for (const name of names) {
    const { reference, changes } = RECIPES[name];
    references[name] = reference;
    if (await isPresent(docker, reference)) continue;
    await importImage({ socketPath }, { tar: await imageTar(name), reference, changes });
    if (!(await isPresent(docker, reference))) await tagAsAsked(docker, reference);
  }
  return references;
}

async function isPresent(docker: Docker, reference: string): Promise<boolean> {
  const found = await docker
    .getImage(reference)
    .inspect()
    .catch(() => undefined);
  return found !== undefined;
}

// Podman 4 passes over the tag of an import and calls the image "latest".
async function tagAsAsked(docker: Docker, reference: string): Promise<void> {
  const [repository = "", tag = ""] = reference.split(":");
  await docker.getImage(`${repository}:latest`).tag({ repo: repository, tag });
}

/** Path of the image's file tree as a tar, made on first use. */
export function imageTar(name: ImageName): Promise<string> {
  return packageTar(RECIPES[name], { cacheFolder, onProgress: (sentence) => console.log(`testbed: ${sentence}`) });
}

async function finishNginx(tree: string): Promise<void> {
  for (const folder of ["var/www/html", "var/lib/nginx", "var/log/nginx"])
    await mkdir(join(tree, folder), { recursive: true });
  await writeFile(join(tree, "var/www/html/index.html"), "<h1>It works</h1>\n");
  await rm(join(tree, "etc/nginx/sites-enabled/default"), { force: true });
  await symlink("/etc/nginx/sites-available/default", join(tree, "etc/nginx/sites-enabled/default"));
  await symlink("/dev/stdout", join(tree, "var/log/nginx/access.log"));
  await symlink("/dev/stderr", join(tree, "var/log/nginx/error.log"));
}
