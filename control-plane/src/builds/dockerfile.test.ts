import { expect, test } from "vitest";
import { baseImages } from "./dockerfile.ts";

test("stages, copies and mounts name images; own stages and scratch do not", () => {
  const text = `# syntax=docker/dockerfile:1
ARG VERSION=22
FROM --platform=$BUILDPLATFORM registry.example.com/node:\${VERSION} AS build
RUN --mount=type=bind,from=tools.example.com/x:1,target=/t make
# FROM commented/out
FROM build AS second
FROM scratch
COPY --chown=1:1 --from=build /a /a
COPY \\
  --from=nginx:1 /b /b
COPY --from=0 /c /c`;
  expect(baseImages(text, {})).toEqual({
    images: ["docker/dockerfile:1", "nginx:1", "registry.example.com/node:22", "tools.example.com/x:1"],
    unknown: false,
  });
});

test("an argument of the build fills a name in; one without a value leaves it open", () => {
  const text = "ARG BASE\nFROM $BASE\nFROM ${OTHER:-alpine}:3";
  expect(baseImages(text, { BASE: "private.example.com/base:1" })).toEqual({
    images: ["alpine:3", "private.example.com/base:1"],
    unknown: false,
  });
  expect(baseImages(text, {})).toEqual({ images: ["alpine:3"], unknown: true });
});

test.each([
  ["mounts", `FROM a\nRUN ${"--mount=x".repeat(100_000)}`],
  ["open braces", `FROM a\nFROM ${"${a:-".repeat(200_000)}`],
  ["arguments and stages", `${"ARG a=b\n".repeat(60_000)}${"FROM a\n".repeat(60_000)}`],
  ["arguments that grow", `ARG a=${"a".repeat(500_000)}\nFROM a\nFROM ${"$a".repeat(200)}`],
])("a megabyte of %s is answered at once", (_of, text) => {
  const before = performance.now();
  expect(baseImages(text, {}).images).toEqual(["a"]);
  expect(performance.now() - before).toBeLessThan(2_000);
});

test("mounts of a RUN name images in any order, and only flags do", () => {
  const text = 'FROM a\nRUN --network=none --mount="from=x:1,target=/x" echo --mount=from=y:1\ncopy --from=z:1 /a /b';
  expect(baseImages(text, {}).images).toEqual(["a", "x:1", "z:1"]);
});
