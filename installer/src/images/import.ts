import { createReadStream } from "node:fs";
import { request } from "node:http";
import type { EngineAddress } from "../engine/ping.ts";

// An engine on a slow disk takes a few seconds for an image of 50 MB.
const IMPORT_TIMEOUT_MS = 120_000;

export interface ImageSource {
  /** Path of the file tree's tar. */
  tar: string;
  /** `repository:tag` that the image gets. */
  reference: string;
  /** Dockerfile instructions such as `CMD ["sh"]`; only those that docker import takes. */
  changes: readonly string[];
}

/** Makes an image of one layer from a tar (`POST /images/create?fromSrc=-`). */
export function importImage(engine: EngineAddress, { tar, reference, changes }: ImageSource): Promise<void> {
  const [repository = "", tag = "latest"] = reference.split(":");
  const query = new URLSearchParams({ fromSrc: "-", repo: repository, tag });
  for (const change of changes) query.append("changes", change);
  return new Promise((resolve, reject) => {
    const call = request(
      { ...engine, method: "POST", path: `/images/create?${query.toString()}`, timeout: IMPORT_TIMEOUT_MS },
      (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => (body += text));
        response.on("error", reject);
        // The stream answers 200 before the work is done; a failure is a line in it.
        response.on("end", () => {
          if (response.statusCode === 200 && !body.includes('"error"')) resolve();
          else reject(new Error(`The engine did not take the image ${reference}: ${body.trim()}`));
        });
      },
    );
    call.on("timeout", () => call.destroy(new Error(`The engine did not take the image ${reference} in time`)));
    call.on("error", reject);
    createReadStream(tar).on("error", reject).pipe(call);
  });
}

/** The label `name` of an image; undefined when there is no such image or label. */
export function imageLabel(engine: EngineAddress, reference: string, name: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const call = request({ ...engine, path: `/images/${reference}/json` }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode !== 200) return resolve(undefined);
        const image = JSON.parse(body) as { Config?: { Labels?: Record<string, string> | null } };
        resolve(image.Config?.Labels?.[name]);
      });
    });
    call.on("error", reject);
    call.end();
  });
}
