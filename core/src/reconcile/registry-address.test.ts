import { expect, test } from "vitest";
import { canonicalRegistry, registryOf, repositoryOf } from "./registry-address.ts";

test("the registry of an image is the address in its name, as docker reads it", () => {
  const registries = [
    "nginx",
    "library/nginx:1",
    "docker.io/library/nginx",
    "index.docker.io/acme/app@sha256:00",
    "ghcr.io/acme/app:1",
    "localhost/app",
    "registry:5000/app",
    "R.example.com/app",
    "r.example.com:443/app:1",
    "[fd00::1]:5000/app",
  ].map(registryOf);
  expect(registries).toEqual([
    "docker.io",
    "docker.io",
    "docker.io",
    "docker.io",
    "ghcr.io",
    "localhost",
    "registry:5000",
    "r.example.com",
    "r.example.com",
    "[fd00::1]:5000",
  ]);
});

test("addresses that mean the same registry are spelled the same", () => {
  expect(["Registry-1.docker.io", "docker.io:443", "hub.docker.com"].map(canonicalRegistry)).toEqual(
    Array(3).fill("docker.io"),
  );
  expect(canonicalRegistry("Example.COM:443")).toBe("example.com");
  expect(canonicalRegistry("example.com:5000")).toBe("example.com:5000");
});

test("the repository of a reference is without tag and digest", () => {
  expect(["a:5/b", "a:5/b:1", "a:5/b:1@sha256:0", "b"].map(repositoryOf)).toEqual(["a:5/b", "a:5/b", "a:5/b", "b"]);
});
