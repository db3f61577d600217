import { expect, test } from "vitest";
import { readChallenge } from "./challenge.ts";
import { placeOf } from "./reference.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

test.each([
  ["nginx", "docker.io registry-1.docker.io library/nginx latest"],
  ["team/app:2", "docker.io registry-1.docker.io team/app 2"],
  ["docker.io/library/nginx:1.27", "docker.io registry-1.docker.io library/nginx 1.27"],
  ["registry.example.com:5000/a/b/c:1", "registry.example.com:5000 registry.example.com:5000 a/b/c 1"],
  ["REG.example.com:443/app", "reg.example.com reg.example.com app latest"],
  ["localhost/app:1", "localhost localhost app 1"],
  [`10.0.0.1:5000/app:1@${DIGEST}`, `10.0.0.1:5000 10.0.0.1:5000 app ${DIGEST}`],
])("%s", (reference, place) => {
  const { registry, address, repository, version } = placeOf(reference) ?? {};
  expect([registry, address, repository, version].join(" ")).toBe(place);
});

test.each(["a/UPPER", "a//b", "r.example/../v2/x", "r.example/app:a b", "r.example/app@sha256:00", "r.example/a?b"])(
  "%s is asked for nowhere",
  (reference) => expect(placeOf(reference)).toBeUndefined(),
);

test("a token is preferred to a password, and the scope is read with its commas", () => {
  const bearer = 'Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push"';
  expect(readChallenge(`Basic realm="x", ${bearer}`)).toEqual({
    scheme: "bearer",
    realm: "https://auth.example/token",
    service: "r.example",
    scope: "repository:a/b:pull,push",
  });
  expect(readChallenge('Basic realm="x"')).toEqual({ scheme: "basic" });
  expect(readChallenge("Negotiate")).toBeUndefined();
});
