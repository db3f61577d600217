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
