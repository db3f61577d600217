import { join } from "node:path";
import type { DesiredStack, DesiredWorld, ObservedContainer } from "@windflow/core";
import { StackBody, type StackFile } from "@windflow/proto/agent";
import { systemClock } from "../../platform/clock.ts";
import { desiredStack } from "../../state/desired-world.ts";
import { stackBody } from "../../testing/stack-body.ts";
import type { FilesEvent } from "../events.ts";
import { digestOf, readManifest } from "../manifest.ts";
import { createStackFolders, type StackFolders } from "../stack-folders.ts";

export type File = Partial<StackFile> & Pick<StackFile, "path">;

/** The folders of stacks in a temporary folder, with what they told and what is desired. */
export interface FoldersFixture {
  readonly folders: StackFolders;
  readonly root: string;
  readonly events: FilesEvent[];
  readonly restarted: string[];
  world: DesiredWorld;
  /** Every content is another one from now on, as on a disk that fails. */
  damaged: boolean;
  /** Desires one revision of the stack `shop` whose service mounts the given paths. */
  desire(
    files: readonly File[],
    mounts?: readonly { readonly path: string; readonly writable?: boolean }[],
  ): DesiredStack;
}

export function foldersFixture(
  folder: string,
  over: { readonly path?: string; readonly owner?: string } = {},
): FoldersFixture {
  const root = over.path ?? join(folder, "stacks");
  const bodies = new Map<string, StackBody>();
  const events: FilesEvent[] = [];
  const restarted: string[] = [];
  const fixture: FoldersFixture = {
    root,
    events,
    restarted,
    damaged: false,
    world: { organizationId: "org_1", generation: "1.1", stacks: [] },
    folders: createStackFolders({
      path: root,
      owner: over.owner ?? folder,
      clock: systemClock,
      log: () => undefined,
      tell: (event) => void events.push(event),
      isReady: () => true,
      desired: () => fixture.world,
      onMended: (ids) => void restarted.push(...ids),
      filesOf: ({ bodyDigest }) => {
        const body = bodies.get(bodyDigest);
        if (body === undefined) throw new Error(`no body ${bodyDigest}`);
        const contents = new Map(body.files.map((file) => [digestOf(file), Buffer.from(file.content)]));
        return {
          manifest: readManifest(body),
          openContent: (digest) => (fixture.damaged ? undefined : contents.get(digest)) ?? Buffer.from("damaged"),
        };
      },
    }),
    desire: (files, mounts = []) => {
      const volumes = mounts.map(({ path, writable }, i) => ({
        type: "bind",
        source: path === "" ? "/stack" : `/stack/${path}`,
        target: `/m${i}`,
        ...(writable === true ? {} : { read_only: true }),
      }));
      const bodyDigest = `body-${bodies.size}`;
      const body = StackBody.decode(stackBody({ revision: bodies.size + 1, files, service: { volumes } }));
      bodies.set(bodyDigest, body);
      const stack = desiredStack(body, bodyDigest, { platform: "linux/amd64", stacksDir: root });
      fixture.world = { ...fixture.world, stacks: [stack] };
      return stack;
    },
  };
  return fixture;
}

/** As an engine would list one that mounts these sources. */
export function containerWith(id: string, sources: readonly string[]): ObservedContainer {
  return {
    id,
    name: id,
    image: "",
    imageId: "",
    labels: { "com.docker.compose.project": "shop" },
    state: "running",
    health: "none",
    createdAt: 0,
    statusText: "",
    networkMode: "",
    networks: [],
    ports: [],
    command: "",
    mounts: sources.map((source, i) => ({ type: "bind", source, destination: `/m${i}`, readWrite: true })),
  };
}

export function text(path: string, content: string, over: Partial<StackFile> = {}): File {
  return { path: `/stack/${path}`, content: Buffer.from(content), ...over };
}
