import type { ComposeBuild, ComposeModel } from "@windflow/core";
import { sha256Digest } from "@windflow/core";
import { expect, test } from "vitest";
import type { TravellingFile } from "../files/index.ts";
import { buildInputs, inputDigest, privilegedKeys, textsWanted } from "./inputs.ts";

const file = (path: string, text = path, mode = 0o644): TravellingFile => ({
  kind: "file",
  path,
  mode,
  uid: 0,
  gid: 0,
  digest: sha256Digest(text),
  sizeBytes: text.length,
  linkTarget: "",
  content: Buffer.from(text),
});
const FILES = [
  file("/stack/compose.yaml"),
  file("/stack/app/Dockerfile", "FROM base:1"),
  file("/stack/app/main.js"),
  file("/stack/app/notes.md"),
  file("/stack/app2/other"),
  file("/stack/docker/web.Dockerfile", "FROM other:1"),
];
const modelOf = (build: ComposeBuild, more: object = {}): ComposeModel => ({
  name: "shop",
  services: { web: { command: null, entrypoint: null, build: { context: "/stack/app", ...build }, ...more } },
});
function inputs(build: ComposeBuild, files: readonly TravellingFile[] = FILES, more: object = {}) {
  const texts = new Map(files.map((one) => [one.path, Buffer.from(one.content ?? []).toString()]));
  return buildInputs(modelOf(build, more), files, (path) => texts.get(path));
}
const only = (build: ComposeBuild, files: readonly TravellingFile[] = FILES, more: object = {}) => {
  const { builds, violations } = inputs(build, files, more);
  expect(violations).toEqual([]);
  const [first] = builds;
  if (first === undefined) throw new Error("nothing is built");
  return first;
};
const paths = (build: ComposeBuild, files = FILES): string[] => only(build, files).files.map(({ path }) => path);

test("a context is the files below its folder, without those that its .dockerignore names", () => {
  expect(paths({})).toEqual(["Dockerfile", "main.js", "notes.md"]);
  expect(paths({}, [...FILES, file("/stack/app/.dockerignore", "*.md\nDockerfile\n")])).toEqual([
    "Dockerfile",
    "main.js",
    ".dockerignore",
  ]);
  const own = [...FILES, file("/stack/app/.dockerignore", "*"), file("/stack/app/Dockerfile.dockerignore", "main.js")];
  expect(paths({}, own)).toContain("notes.md");
  expect(paths({ context: "/stack", dockerfile: "app/Dockerfile" })).toHaveLength(FILES.length);
});

test("a Dockerfile of the compose file, or outside of the context, is put beside it", () => {
  expect(only({ dockerfile_inline: "FROM inline:1" })).toMatchObject({
    dockerfile: ".windflow.Dockerfile",
    base: { images: ["inline:1"] },
  });
  expect(paths({ dockerfile: "../docker/web.Dockerfile" })).toContain(".windflow.Dockerfile");
  expect(only({ dockerfile: "../docker/web.Dockerfile" }).base.images).toEqual(["other:1"]);
  expect(textsWanted(modelOf({ dockerfile: "../docker/web.Dockerfile" }))).toContain("/stack/docker/web.Dockerfile");
});

test("the image is named as docker compose names it", () => {
  expect(only({}).reference).toBe("shop-web");
  expect(only({}, FILES, { image: "registry.example.com/web:2" }).reference).toBe("registry.example.com/web:2");
});

test("everything that goes into the image changes its digest; what does not, does not", () => {
  const digest = (build: ComposeBuild, files = FILES, platform = "linux/amd64"): string =>
    inputDigest(only(build, files), platform);
  const same = digest({});
  expect(digest({ cache_from: ["x"], no_cache: true, tags: ["x:1"] })).toBe(same);
  expect(digest({}, [...FILES, file("/stack/app3/x")])).toBe(same);
  expect(inputDigest(only({}, FILES, { image: "another:1" }), "linux/amd64")).toBe(same);
  const others = [
    digest({ args: { A: "1" } }),
    digest({ args: { A: "2" } }),
    digest({ target: "t" }),
    digest({ labels: { a: "b" } }),
    digest({ network: "none" }),
    digest({}, FILES, "linux/arm64"),
    digest({}, [...FILES, file("/stack/app/new")]),
    digest({}, [file("/stack/app/Dockerfile", "FROM base:1"), file("/stack/app/main.js", "", 0o755)]),
    digest({}, [file("/stack/app/Dockerfile", "FROM base:2"), file("/stack/app/main.js")]),
  ];
  expect(new Set([same, ...others]).size).toBe(others.length + 1);
});

test("what cannot be honoured is named; what has no effect is warned of", () => {
  const secret = "{{wf-secret:TOKEN@1}}";
  const { violations } = inputs({
    args: { TOKEN: secret },
    additional_contexts: { x: "/stack/x" },
    privileged: true,
    ssh: ["default"],
    secrets: [{ source: "s" }],
  });
  expect(violations.map(({ path }) => path.replace("services.web.build.", ""))).toEqual([
    "additional_contexts",
    "privileged",
    "secrets",
    "ssh",
    "args",
  ]);
  expect(inputs({ context: "https://example.com/x.git" }).violations).toMatchObject([
    { path: "services.web.build.context", message: expect.stringContaining("not among the files of the stack") },
  ]);
  expect(inputs({ dockerfile: "Missing" }).violations).toMatchObject([
    { path: "services.web.build.dockerfile", message: expect.stringContaining("add the file Missing") },
  ]);
  expect(inputs({ secrets: [], ssh: [], privileged: false }).violations).toEqual([]);
  expect(only({ cache_from: ["x"] }).warnings).toEqual(["build.cache_from has no effect here and is passed over"]);
});

test("a network of the host or of another container takes a permission", () => {
  const keys = (network?: string): string[] => privilegedKeys([only(network === undefined ? {} : { network })]);
  expect([keys(), keys("none"), keys("default")]).toEqual([[], [], []]);
  expect(keys("host")).toEqual(["services.web.build.network: host"]);
  expect(keys("container:db")).toEqual(["services.web.build.network: container:db"]);
});

test("more services, files or patterns than can be listed are refused, and say so", () => {
  const services = (count: number, build: ComposeBuild = { context: "/stack" }): ComposeModel => ({
    name: "shop",
    services: Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`s${i}`, { command: null, entrypoint: null, build }]),
    ),
  });
  const many = [
    file("/stack/Dockerfile", "FROM base:1"),
    ...Array.from({ length: 10_000 }, (_, i) => file(`/stack/${i}`)),
  ];
  const texts = (path: string): string | undefined =>
    path.endsWith(".dockerignore") ? undefined : path.endsWith("Dockerfile") ? "FROM base:1" : undefined;
  expect(buildInputs(services(501), many, texts).violations).toMatchObject([
    { path: "services", message: expect.stringContaining("501 services") as string },
  ]);
  expect(buildInputs(services(11), many, texts).violations).toMatchObject([
    { path: "services", message: expect.stringContaining("100000 files") as string },
  ]);
  const patterns = (path: string): string => (path.endsWith(".dockerignore") ? "*a*a*a*b\n".repeat(5_000) : "FROM a");
  const long = Array.from({ length: 2_000 }, (_, i) => file(`/stack/${"a".repeat(200)}${i}`));
  expect(buildInputs(services(1), long, patterns).violations).toMatchObject([
    { path: "services.s0.build.context", message: expect.stringContaining("too many patterns") as string },
  ]);
});
