import {
  buildImages,
  createRegistryAuthority,
  type EngineChoice,
  startRegistry,
  startTestEngine,
  startTestPodman,
  type TestEngine,
  type TestRegistry,
} from "@windflow/e2e/testbed";
import { SealedBox } from "@windflow/proto/agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DockerEngine, createDockerEngine } from "../engines/docker/index.ts";
import { systemClock } from "../platform/clock.ts";
import type { RegistryCredentials } from "../reconcile/engine.ts";
import type { RegistryCode } from "./engine.ts";
import { resolveReply } from "./resolve-images.ts";

// Opened by the test itself.
const SEALED = new Uint8Array(
  SealedBox.encode({
    ephemeralKey: new Uint8Array([1]),
    nonce: new Uint8Array(),
    ciphertext: new Uint8Array(),
  }).finish(),
);
const NOBODY_LISTENS = "10.255.255.1:5999";

describe.each<[string, EngineChoice]>([
  ["Docker 28.5", {}],
  ["Docker 28.5 with the containerd store", { containerdSnapshotter: true }],
  ["Docker 20.10", { release: "20.10" }],
])("a registry with TLS and credentials, on %s", (_name, choice) => {
  let machine: TestEngine;
  let engine: DockerEngine;
  let registry: TestRegistry;
  /** Of an authority that the engine does not know. */
  let stranger: TestRegistry;
  let right: RegistryCredentials;
  let wrong: RegistryCredentials;

  beforeAll(async () => {
    const authority = await createRegistryAuthority();
    machine = await startTestEngine({ ...choice, trusts: authority.rootFile });
    registry = await startRegistry(machine.machine, { credentials: true, authority });
    stranger = await startRegistry(machine.machine, { authority: await createRegistryAuthority(), port: 5001 });
    engine = createDockerEngine({ socketPath: machine.socketPath });
    right = { username: registry.username, password: registry.password, serverAddress: registry.address };
    wrong = { ...right, password: "wrong" };
    const { busybox } = await buildImages(machine.docker, ["busybox"]);
    await machine.docker.getImage(busybox).tag({ repo: `${registry.address}/app`, tag: "1" });
    const authconfig = { ...right, serveraddress: registry.address };
    const stream = await machine.docker.getImage(`${registry.address}/app:1`).push({ authconfig });
    await new Promise((resolve) => machine.docker.modem.followProgress(stream, resolve));
    await forget();
  });
  afterAll(async () => machine.stop());

  const forget = async (): Promise<void> => {
    for (const { RepoTags } of await machine.docker.listImages())
      for (const tag of RepoTags ?? [])
        if (tag.startsWith(registry.address) && !tag.includes("@"))
          await machine.docker.getImage(tag).remove({ force: true });
  };
  const signal = (): AbortSignal => AbortSignal.timeout(20_000);
  const pull = (reference: string, credentials?: RegistryCredentials, tagAs?: string) =>
    engine.pullImage(
      { reference, ...(credentials === undefined ? {} : { credentials }), ...(tagAs === undefined ? {} : { tagAs }) },
      () => undefined,
    );
  const look = (reference: string, credentials?: RegistryCredentials) =>
    engine.remoteImage(reference, { credentials, signal: signal() });

  test("what stands in the way is one sentence, the same for a pull and for a question, and nothing is pulled", async () => {
    const cases: [string, RegistryCredentials | undefined, RegistryCode, RegExp][] = [
      [`${registry.address}/app:1`, wrong, "WF_REGISTRY_UNAUTHORIZED", /stored username and password/],
      [`${registry.address}/app:1`, undefined, "WF_REGISTRY_UNAUTHORIZED", /(wants credentials|without credentials)/],
      [`${registry.address}/app:9`, right, "WF_IMAGE_NOT_FOUND", /has no image .*app:9/],
      [`${stranger.address}/app:1`, undefined, "WF_REGISTRY_UNREACHABLE", /certs\.d\/10\.255\.255\.1:5001\/ca\.crt/],
      [`${NOBODY_LISTENS}/app:1`, undefined, "WF_REGISTRY_UNREACHABLE", /cannot be reached.*connection refused/],
    ];
    for (const [reference, credentials, code, sentence] of cases) {
      for (const act of [pull, look]) {
        const failure = await act(reference, credentials).then(
          () => undefined,
          (error: unknown) => error,
        );
        expect({ reference, failure }).toMatchObject({ failure: { code, sentence: expect.stringMatching(sentence) } });
      }
      expect(await engine.localImage(reference)).toBeUndefined();
    }
  });

  test("a sign-in says whether the registry takes the credentials", async () => {
    await engine.signIn(right, signal());
    await expect(engine.signIn(wrong, signal())).rejects.toMatchObject({
      code: "WF_REGISTRY_UNAUTHORIZED",
      message: expect.stringContaining(`registry ${registry.address} answers "unauthorized"`),
    });
    await expect(engine.signIn({ ...right, serverAddress: stranger.address }, signal())).rejects.toMatchObject({
      code: "WF_REGISTRY_UNREACHABLE",
    });
  });

  test("an image that is pulled by its digest gets the name that its tag would give it", async () => {
    const { digest } = await look(`${registry.address}/app:1`, right);
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    const pulled = await pull(`${registry.address}/app@${digest}`, right, `${registry.address}/app:1`);
    expect(pulled.digests).toContain(`${registry.address}/app@${digest}`);
    expect(await engine.localImage(`${registry.address}/app:1`)).toMatchObject({ id: pulled.id });
    await forget();
  });

  test("tags are resolved: from the engine what came from a registry, else from the registry; a loaded image is nowhere else", async () => {
    const info = await engine.facts();
    const resolve = async (images: { reference: string; askRegistry?: boolean }[]) => {
      const credentials = new Map([[registry.address, right]]);
      const queries = images.map((query) => ({ platform: "", askRegistry: false, ...query }));
      const reply = await resolveReply(
        { requestId: "r", images: queries, sealed: SEALED },
        {
          engine,
          clock: systemClock,
          engineName: () => info.name,
          registries: { open: () => credentials },
        },
      );
      return reply.images;
    };
    const app = `${registry.address}/app:1`;
    const [remote, missing, loaded] = await resolve([
      { reference: app },
      { reference: `${registry.address}/none:1` },
      { reference: "wf/busybox:1" },
    ]);
    expect(remote).toMatchObject({ imageId: "", repositoryDigest: expect.stringMatching(/^sha256:/), problem: "" });
    expect(missing).toMatchObject({ code: "WF_IMAGE_NOT_FOUND", repositoryDigest: "" });
    expect(loaded).toMatchObject({ imageId: expect.stringMatching(/^sha256:/), repositoryDigest: "", problem: "" });

    const pulled = await pull(app, right);
    const [local, asked] = await resolve([{ reference: app }, { reference: app, askRegistry: true }]);
    expect(local).toMatchObject({ imageId: pulled.id, repositoryDigest: remote?.repositoryDigest });
    expect(asked).toMatchObject({ imageId: "", repositoryDigest: remote?.repositoryDigest });
    await forget();
  });
});

test("a registry with credentials, on Podman: pulls and sign-ins say the same; tags are left to each host", async () => {
  const authority = await createRegistryAuthority();
  const podman = await startTestPodman({ trusts: authority.rootFile });
  try {
    const registry = await startRegistry(podman.machine, { credentials: true, authority });
    const engine = createDockerEngine({ socketPath: podman.socketPath });
    const reference = `${registry.address}/app:1`;
    const wrong = { username: registry.username, password: "wrong", serverAddress: registry.address };
    const signal = AbortSignal.timeout(20_000);
    for (const act of [
      engine.pullImage.bind(engine, { reference, credentials: wrong }, () => undefined),
      engine.signIn.bind(engine, wrong, signal),
    ])
      await expect(act()).rejects.toMatchObject({ code: "WF_REGISTRY_UNAUTHORIZED" });
    await engine.signIn({ ...wrong, password: registry.password }, signal);
    await expect(engine.remoteImage(reference, { credentials: wrong, signal })).rejects.toThrow(
      "cannot ask a registry without pulling",
    );
  } finally {
    await podman.stop();
  }
});
