import type { StackSource } from "@windflow/proto/client";

/** Sizes of what revision 7 of the fixture has attached. */
export const FIXTURE_SIZES: Record<string, number> = {
  [`sha256:${"1a".repeat(32)}`]: 48_213,
  [`sha256:${"2b".repeat(32)}`]: 1_024,
  [`sha256:${"3c".repeat(32)}`]: 7_340_032,
};
export const FIXTURE_ATTACHMENTS = [
  { path: "assets/logo.png", digest: `sha256:${"1a".repeat(32)}`, mode: 0o644 },
  { path: "bin/entrypoint.sh", digest: `sha256:${"2b".repeat(32)}`, mode: 0o755 },
  { path: "models/defects.onnx", digest: `sha256:${"3c".repeat(32)}`, mode: 0o640, uid: 1000, gid: 1000 },
];
/** Services of a source that have `build:`, as far as a fixture reads YAML. */
export function builtServices(source: StackSource): string[] {
  const lines = Object.values(source.files ?? {})
    .join("\n")
    .split("\n");
  const names: string[] = [];
  let service = "";
  for (const line of lines) {
    service = /^ {2}([\w-]+):\s*$/.exec(line)?.[1] ?? service;
    if (/^ {4}build:/.test(line) && service !== "") names.push(service);
  }
  return [...new Set(names)];
}
