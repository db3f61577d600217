import type { FileHolder } from "../files/index.ts";
import type { StackSource } from "./model.ts";

/** Who keeps the stored files that hosts fetch for a revision. */
export function revisionFiles(stackId: string, number: number): FileHolder & { readonly stackId: string } {
  return { id: `revision:${stackId}:${number}`, stackId };
}

/** Who keeps what its source was made of, hosts need it or not: it is shown, built from and deployed again. */
export function sourceHolder(stackId: string, number: number): FileHolder {
  return { id: `source:${stackId}:${number}`, stackId };
}

export function sourceDigests({ attachments }: StackSource): string[] {
  return attachments.map(({ digest }) => digest).filter((digest) => digest !== "");
}
