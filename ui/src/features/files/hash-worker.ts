import { Sha256 } from "./sha256.ts";

/** Read at a time: large enough to be quick, small enough for any phone. */
const SLICE = 4 * 1024 * 1024;

export interface HashRequest {
  id: number;
  file: Blob;
}
export type HashAnswer = { id: number; bytes: number } | { id: number; digest: string } | { id: number; error: string };

const scope = globalThis as unknown as {
  postMessage(answer: HashAnswer): void;
  addEventListener(kind: "message", listener: (event: MessageEvent<HashRequest>) => void): void;
};

async function hash({ id, file }: HashRequest): Promise<void> {
  const hasher = new Sha256();
  for (let at = 0; at < file.size; at += SLICE) {
    hasher.update(new Uint8Array(await file.slice(at, at + SLICE).arrayBuffer()));
    scope.postMessage({ id, bytes: Math.min(file.size, at + SLICE) });
  }
  scope.postMessage({ id, digest: hasher.digest() });
}

scope.addEventListener("message", ({ data }) => {
  hash(data).catch((error: unknown) => scope.postMessage({ id: data.id, error: String(error) }));
});
