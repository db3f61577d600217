import { readIfThere, writeDurably } from "../platform/durable-file.ts";
import { isRecord } from "../state/json-record.ts";

/** What digests of registries came to on this engine, so that an image that is here is not asked for again. */
export interface KnownImages {
  /** The configuration of the image that was brought under a digest for a platform. */
  configOf(digest: string, platform: string): string | undefined;
  note(digest: string, platform: string, configDigest: string): void;
}

// More than a host's disk holds; the oldest are forgotten, and cost a question then.
const MOST = 500;

/** @param path a small file; one that cannot be read is begun anew */
export function openKnownImages(path: string): KnownImages {
  const known = load(path);
  return {
    configOf: (digest, platform) => known.get(`${digest} ${platform}`),
    note: (digest, platform, configDigest) => {
      const key = `${digest} ${platform}`;
      if (known.get(key) === configDigest) return;
      known.delete(key);
      known.set(key, configDigest);
      for (const oldest of known.keys()) if (known.size > MOST) known.delete(oldest);
      writeDurably(path, JSON.stringify(Object.fromEntries(known)));
    },
  };
}

function load(path: string): Map<string, string> {
  try {
    const value: unknown = JSON.parse(readIfThere(path)?.toString() ?? "{}");
    if (!isRecord(value)) return new Map();
    return new Map(Object.entries(value).flatMap(([key, one]) => (typeof one === "string" ? [[key, one]] : [])));
  } catch {
    return new Map();
  }
}
