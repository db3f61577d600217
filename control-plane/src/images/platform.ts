/** Architectures that Linux images are made for, with the variants of each; the empty one is the usual. */
const VARIANTS: ReadonlyMap<string, readonly string[]> = new Map([
  ["386", [""]],
  ["amd64", ["", "v1", "v2", "v3", "v4"]],
  ["arm", ["", "v5", "v6", "v7", "v8"]],
  ["arm64", ["", "v8", "v9"]],
  ["loong64", [""]],
  ["mips64le", [""]],
  ["ppc64le", [""]],
  ["riscv64", [""]],
  ["s390x", [""]],
]);

/** Whether hosts are of such a platform. Each that is asked for is a row of the cache, so that nobody may invent some. */
export function isPlatform(text: string): boolean {
  const [os, architecture = "", variant = "", ...more] = text.split("/");
  return os === "linux" && more.length === 0 && VARIANTS.get(architecture)?.includes(variant) === true;
}
