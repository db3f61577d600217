import { expect, test } from "vitest";
import { EngineError } from "../reconcile/engine.ts";
import { registryError } from "./registry-words.ts";

const ACT = { address: "r.example.com:5000", reference: "r.example.com:5000/app:1", signedIn: true };
const read = (message: string, over: Partial<typeof ACT> = {}): string =>
  registryError(new EngineError(message, 500), { ...ACT, ...over }).message;

// As Docker 20.10, 28.5 and 28.5 with the containerd store word it.
test.each([
  ["unauthorized: authentication required"],
  ["login attempt to https://r.example.com:5000/v2/ failed with status: 401 Unauthorized"],
  [
    'unknown: failed to resolve reference "r.example.com:5000/app:1": unexpected status from HEAD request to https://r.example.com:5000/v2/app/manifests/1: 401 Unauthorized',
  ],
  ["Get https://registry-1.docker.io/v2/: unauthorized: incorrect username or password"],
])("refused credentials: %s", (message) => {
  expect(read(message)).toBe(
    'registry r.example.com:5000 answers "unauthorized" to the stored username and password for r.example.com:5000/app:1: correct them under Registries in WindFlow (WF_REGISTRY_UNAUTHORIZED)',
  );
});

test("no credentials", () => {
  const none = { signedIn: false };
  expect(read('Head "https://r.example.com:5000/v2/app/manifests/1": no basic auth credentials', none)).toMatch(
    /wants credentials and there are none; add them.*\(WF_REGISTRY_UNAUTHORIZED\)$/,
  );
  const denied =
    'failed to resolve reference "r.example.com:5000/app:1": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials';
  expect(read(denied, none)).toMatch(/denies access to r\.example\.com:5000\/app:1 without credentials/);
  expect(read(denied)).toMatch(/with the stored username and password: correct its name, or store/);
});

test.each([
  [
    "manifest for r.example.com:5000/app:9 not found: manifest unknown: manifest unknown",
    /has no image/,
    "WF_IMAGE_NOT_FOUND",
  ],
  [
    'failed to resolve reference "r.example.com:5000/app:9": r.example.com:5000/app:9: not found',
    /has no image/,
    "WF_IMAGE_NOT_FOUND",
  ],
  [
    "no matching manifest for linux/arm64 in the manifest list entries: not found",
    /not for this host's platform/,
    "WF_IMAGE_NOT_FOUND",
  ],
  [
    'Get "https://r.example.com:5000/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    /certs\.d\/r\.example\.com:5000\/ca\.crt/,
    "WF_REGISTRY_UNREACHABLE",
  ],
  [
    'Get "https://r.example.com:5000/v2/": x509: certificate has expired or is not yet valid',
    /TLS .* not in order \(x509: certificate has expired/,
    "WF_REGISTRY_UNREACHABLE",
  ],
  [
    'Get "https://r.example.com:5000/v2/": http: server gave HTTP response to HTTPS client',
    /insecure-registries/,
    "WF_REGISTRY_UNREACHABLE",
  ],
  [
    'Get "https://r.example.com:5000/v2/": dial tcp 10.0.0.1:5000: connect: connection refused',
    /\(dial tcp 10\.0\.0\.1:5000: connect: connection refused\)/,
    "WF_REGISTRY_UNREACHABLE",
  ],
  [
    'Get "https://nowhere/v2/": dial tcp: lookup nowhere on 10.0.0.1:53: read udp 10.0.0.1:1->10.0.0.1:53: read: connection refused',
    /cannot be reached/,
    "WF_REGISTRY_UNREACHABLE",
  ],
])("%s", (message, sentence, code) => {
  expect(read(message)).toMatch(sentence);
  expect(read(message).endsWith(` (${code})`)).toBe(true);
});

test("the names of images and registries are not taken for words", () => {
  const act = {
    address: "denied.example.com:401",
    reference: "denied.example.com:401/certificate/x509:1",
    signedIn: true,
  };
  const words = "manifest for denied.example.com:401/certificate/x509:1 not found: manifest unknown: manifest unknown";
  expect(registryError(new EngineError(words, 404), act)).toMatchObject({ code: "WF_IMAGE_NOT_FOUND" });
});

test("limits of pulls, and a digest that the registry has no longer", () => {
  const limit = "toomanyrequests: You have reached your unauthenticated pull rate limit.";
  expect(read(limit, { signedIn: false })).toMatch(/limits pulls without credentials.*add some/);
  const pinned = { reference: `r.example.com:5000/app@sha256:${"a".repeat(64)}` };
  expect(read(`manifest for ${pinned.reference} not found: manifest unknown`, pinned)).toMatch(
    /no longer, which this revision is pinned to/,
  );
});

test("what is about something else stays the engine's own words", () => {
  expect(read("write /var/lib/docker/tmp/x: no space left on device")).toBe(
    "write /var/lib/docker/tmp/x: no space left on device",
  );
  const away = new EngineError("connect ENOENT", undefined);
  expect(registryError(away, ACT)).toBe(away);
});
