import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  registryAuthContext,
  seal,
  sealRandomness,
  secretPlaceholder,
  secretsContext,
  sha256Hex,
  SEAL_RANDOMNESS_BYTES,
} from "@windflow/core";
import { RegistryAuths, SecretValues } from "@windflow/proto/agent";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type RunningAgent, createLog, enrollAgent, readConfig, startAgent } from "../index.ts";
import { loadOrCreateHostKeys } from "../enroll/host-keys.ts";
import { openRotatedFile } from "../platform/rotated-file.ts";
import { openCredentialFiles } from "../registries/credential-files.ts";
import { type TestControlPlane, startTestControlPlane } from "../testing/control-plane.ts";
import { absentEngine } from "../testing/quiet-engine.ts";
import { stackBody, wantedStack } from "../testing/stack-body.ts";
import { writeSupportBundle } from "./index.ts";

let plane: TestControlPlane;
let folder: string;
let agent: RunningAgent | undefined;
beforeEach(async () => {
  plane = await startTestControlPlane();
  folder = mkdtempSync(join(tmpdir(), "windflow-support-"));
});
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Planted in every place where a secret can be; each has its own, so that a leak says where it comes from. */
const CANARY = {
  environment: "canary-environment-4711",
  label: "canary-label-4711",
  command: "canary-command-4711",
  health: "canary-health-4711",
  secret: "canary-secret-4711",
  keyLine: "canaryKeyLineOfManyCharacters4711",
  registry: "canary-registry-4711",
  proxy: "canary-proxy-4711",
  variable: "canary-variable-4711",
  logged: "canary-logged-4711",
  joinToken: "wfj_canaryJoinToken47114711471147",
};

/** Those that the agent can tell from other texts wherever they are. */
const KNOWN = [
  "environment",
  "label",
  "command",
  "health",
  "secret",
  "keyLine",
  "registry",
  "proxy",
  "joinToken",
] as const;

const randomness = (): ReturnType<typeof sealRandomness> => sealRandomness(randomBytes(SEAL_RANDOMNESS_BYTES));
const input = (): Parameters<typeof readConfig>[0] => ({
  stateDir: join(folder, "state"),
  dockerHost: "unix:///nonexistent.sock",
  name: "edge-1",
});

async function runAgent(): Promise<void> {
  const config = readConfig(input());
  await enrollAgent(config, { server: plane.url, token: "token", caSha256: sha256Hex(plane.authority.root) });
  const keys = loadOrCreateHostKeys(config.stateDir);
  const auths = RegistryAuths.encode({
    registries: [{ address: "registry.example", username: "robot", password: CANARY.registry }],
  }).finish();
  openCredentialFiles(join(config.stateDir, "registries")).store(
    "registry.example",
    seal(keys.sealingPublicKey, auths, registryAuthContext("hst_1"), randomness()),
  );
  const values = SecretValues.encode({
    values: [{ reference: "db@1", value: `${CANARY.secret}\n${CANARY.keyLine}` }],
  }).finish();
  plane.secrets.set("stk_1/1", seal(keys.sealingPublicKey, values, secretsContext("stk_1", 1), randomness()));
  const digest = plane.putBody(
    stackBody({
      secrets: ["db@1"],
      service: {
        image: "registry.example/web:1",
        environment: { PASSWORD_OF_DB: CANARY.environment, FROM_SECRET: secretPlaceholder({ name: "db", version: 1 }) },
        labels: { "traefik.auth": CANARY.label },
        command: ["sh", "-c", `login ${CANARY.command}`],
        healthcheck: { test: ["CMD", "curl", "-u", CANARY.health] },
        ports: [{ target: 80, published: "8080" }],
      },
    }),
  );
  const write = openRotatedFile(join(config.stateDir, "agent.log"));
  agent = startAgent(config, { log: createLog("info", write, Date.now), engine: absentEngine(), random: () => 0.05 });
  await vi.waitFor(() => expect(plane.sessions).toHaveLength(1), { timeout: 10_000 });
  plane.sessions[0]?.send({
    $case: "desiredState",
    value: {
      generation: { term: 1n, n: 1n },
      stacks: [wantedStack({ stackId: "stk_1", revision: 1, bodyDigest: digest })],
    },
  });
  const taken = (): boolean =>
    readFileSync(join(config.stateDir, "agent.log"), "utf8").includes("desired state was taken");
  await vi.waitFor(() => expect(taken()).toBe(true), { timeout: 10_000 });
}

test("a bundle has what helps, is small and for its owner alone, and none of the secrets that lie all over the host", async () => {
  await runAgent();
  const said = (reason: string): string =>
    `${JSON.stringify({ time: new Date().toISOString(), level: "warn", msg: "Something went wrong.", reason })}\n`;
  const lines = [
    ...KNOWN.map((place) => `it said ${CANARY[place]}, twice: ${CANARY[place]}`),
    `proxy http://user:${CANARY.logged}@proxy.example:3128`,
    `Authorization: Bearer ${CANARY.logged}`,
    `PASSWORD=${CANARY.logged}`,
    `-----BEGIN PRIVATE KEY-----\n${CANARY.logged}\n-----END PRIVATE KEY-----`,
    loadOrCreateHostKeys(join(folder, "state")).hostKeyPem,
  ];
  for (const line of lines) appendFileSync(join(folder, "state/agent.log"), said(line));
  const out = join(folder, "bundle.tar.gz");
  const environment = {
    PATH: "/usr/bin",
    http_proxy: `http://user:${CANARY.proxy}@proxy.example:3128`,
    no_proxy: "127.0.0.1",
    AWS_SECRET_ACCESS_KEY: CANARY.variable,
  };
  const names = await writeSupportBundle(input(), { out, now: Date.parse("2026-11-23T01:50:00Z"), environment });
  expect(statSync(out).mode & 0o777).toBe(0o600);
  expect(statSync(out).size).toBeLessThan(200_000);
  execFileSync("tar", ["-xzf", out, "-C", folder]);
  const unpacked = join(folder, "windflow-support-2026-11-23T01-50-00Z");
  expect(readdirSync(unpacked).toSorted()).toEqual(names.toSorted());
  const read = (name: string): string => readFileSync(join(unpacked, name), "utf8");
  for (const name of names) {
    const found = Object.entries(CANARY).filter(([, canary]) => read(name).includes(canary));
    expect(found.map(([place]) => `${name}: ${place}`)).toEqual([]);
    expect(read(name)).not.toMatch(/BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)/);
    if (name.endsWith(".json")) expect(() => JSON.parse(read(name)) as unknown).not.toThrow();
  }
  expect(JSON.parse(read("desired.json"))).toMatchObject({
    stacks: [
      {
        stackName: "shop",
        services: {
          web: {
            image: "registry.example/web:1",
            ports: [{ target: 80, published: "8080" }],
            environmentNames: ["FROM_SECRET", "PASSWORD_OF_DB"],
            labelsNames: ["traefik.auth"],
            alsoSet: ["command", "healthcheck"],
          },
        },
      },
    ],
    problems: [],
  });
  const { findings } = JSON.parse(read("doctor.json")) as { findings: { hop: string; status: string }[] };
  expect(findings.find(({ hop }) => hop === "authorization")).toMatchObject({ status: "ok" });
  expect(read("log.jsonl")).toContain("The control plane welcomed this host.");
  expect(read("state-files.tsv")).toMatch(/^identity\.json\t0600\t/m);
  expect(JSON.parse(read("environment.json"))).toMatchObject({
    told: { http_proxy: "http://[REDACTED]@proxy.example:3128" },
    alsoSet: ["AWS_SECRET_ACCESS_KEY"],
  });
  // Never written over: it may be another one's.
  await expect(writeSupportBundle(input(), { out, now: 0, environment })).rejects.toMatchObject({
    code: "WF_CONFIG_INVALID",
  });
});

test("where nothing works there is a bundle that says so, part by part", async () => {
  const out = join(folder, "bundle.tar.gz");
  await writeSupportBundle({ ...input(), stateDir: join(folder, "nothing") }, { out, now: 0, environment: {} });
  execFileSync("tar", ["-xzf", out, "-C", folder]);
  const read = (name: string): string =>
    readFileSync(join(folder, "windflow-support-1970-01-01T00-00-00Z", name), "utf8");
  expect(JSON.parse(read("status.json"))).toMatchObject({ notRunning: expect.stringContaining("No agent answers") });
  expect(JSON.parse(read("engine.json"))).toMatchObject({ problem: expect.any(String) });
  expect(read("state-files.tsv")).toContain("ENOENT");
});

test("a bundle of damaged state says what is damaged, and leaves the log out: its secrets cannot be told from the rest", async () => {
  const state = join(folder, "state");
  mkdirSync(join(state, "desired"), { recursive: true });
  for (const file of ["identity.json", "desired/desired.json"]) appendFileSync(join(state, file), "{");
  appendFileSync(join(state, "agent.log"), `{"msg":"${CANARY.environment}"}\n`);
  const out = join(folder, "bundle.tar.gz");
  await writeSupportBundle(input(), { out, now: 0, environment: {} });
  execFileSync("tar", ["-xzf", out, "-C", folder]);
  const read = (name: string): string =>
    readFileSync(join(folder, "windflow-support-1970-01-01T00-00-00Z", name), "utf8");
  expect(JSON.parse(read("desired.json"))).toMatchObject({ problem: expect.stringContaining("cannot be read") });
  expect(JSON.parse(read("log.jsonl"))).toMatchObject({ problem: expect.stringContaining("What is secret") });
});
