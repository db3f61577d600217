import { hash } from "node:crypto";
import type { ObservedContainer, ObservedImage, ObservedNetwork, ObservedVolume } from "@windflow/core";
import type Docker from "dockerode";
import { dial } from "./dial.ts";
import { containerOf, imageOf, type ListedContainer, networkOf, volumeOf } from "./wire.ts";

/**
 * The engine's lists. They are asked for as long as the agent runs, and on a host at rest each answer is the one before: then what was
 * made of that one is given again, the same array of the same objects, for which nothing is read or built.
 */
export interface Lists {
  /** Ages in their texts ("Up 3 minutes") are those of the first of equal answers. */
  containers(docker: Docker): Promise<ObservedContainer[]>;
  networks(docker: Docker): Promise<ObservedNetwork[]>;
  volumes(docker: Docker): Promise<ObservedVolume[]>;
  images(docker: Docker): Promise<ObservedImage[]>;
}

/** As the engine words the age of a state: "Up 28 seconds (healthy)", "Up About an hour", "Exited (1) 5 minutes ago". */
const AGES =
  /("Status":"[^"]*?) (?:Less than a second|About an? \w+|\d+ (?:second|minute|hour|day|week|month|year)s?)(?: ago)?(?=[ "])/g;
const withoutAges = (text: string): string => text.replaceAll(AGES, "$1");

export function createLists(): Lists {
  return {
    containers: createList(
      "/containers/json?",
      { all: true },
      {
        essence: withoutAges,
        read: (text) => (JSON.parse(text) as ListedContainer[]).map(containerOf),
      },
    ),
    networks: createList("/networks", undefined, {
      essence: inOneOrder,
      read: (text) => (JSON.parse(text) as Docker.NetworkInspectInfo[]).map(networkOf),
    }),
    volumes: createList("/volumes", undefined, {
      essence: inOneOrder,
      read: (text) => ((JSON.parse(text) as ListedVolumes).Volumes ?? []).map(volumeOf),
    }),
    images: createList("/images/json", undefined, {
      essence: inOneOrder,
      read: (text) => (JSON.parse(text) as Docker.ImageInfo[]).map(imageOf),
    }),
  };
}

interface ListedVolumes {
  readonly Volumes?: Docker.VolumeInspectInfo[] | null;
}

/** The engine lists what it keeps in maps in another order each time. */
function inOneOrder(text: string): string {
  const listed = JSON.parse(text) as unknown[] | ListedVolumes;
  const things: readonly unknown[] = Array.isArray(listed) ? listed : (listed.Volumes ?? []);
  return things
    .map((thing) => JSON.stringify(thing))
    .toSorted()
    .join("\n");
}

interface Reading<T> {
  /** Of an answer; those with the same are equal. */
  essence(text: string): string;
  read(text: string): T[];
}

function createList<T>(
  path: string,
  options: object | undefined,
  reading: Reading<T>,
): (docker: Docker) => Promise<T[]> {
  let last: { readonly digest: string; readonly list: T[] } | undefined;
  return async (docker) => {
    const text = await textOf(docker, path, options);
    // A hundred containers are a quarter of a megabyte.
    const digest = hash("sha256", reading.essence(text), "base64");
    if (last?.digest !== digest) last = { digest, list: reading.read(text) };
    return last.list;
  };
}

/** The body of an answer. @throws as dockerode does */
async function textOf(docker: Docker, path: string, options: object | undefined): Promise<string> {
  const answer = await dial<NodeJS.ReadableStream>(docker, {
    path,
    method: "GET",
    ...(options === undefined ? {} : { options }),
    statusCodes: { 200: true, 400: "bad parameter", 500: "server error" },
    isStream: true,
  });
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    answer.on("data", (piece: Buffer) => pieces.push(piece));
    answer.once("end", () => resolve(Buffer.concat(pieces).toString()));
    answer.once("error", reject);
  });
}
