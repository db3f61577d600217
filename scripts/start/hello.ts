import {
  type ControlPlane,
  type Deployment,
  beginDeploy,
  buildHelloImages,
  describeRollout,
  followRollout,
  openApi,
} from "@windflow/installer";
import type { ApiClient, StackSource } from "@windflow/proto/client";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

// Images are on the machine already: what takes time is the health gate (a few seconds).
const ROLLOUT_DEADLINE_SECONDS = 120;
// The rollout itself fails first, and tells why.
const ROLLOUT_TIMEOUT_MS = 180_000;
const ANSWER_TIMEOUT_MS = 30_000;
const ANSWER_POLL_MS = 100;

export interface HelloOptions {
  root: string;
  controlPlane: ControlPlane;
  socketPath: string;
  /** Name of the stack, which is the compose project's too. */
  stackName: string;
  /** Host that it is placed on. */
  hostId: string;
  port: number;
  say: (line: string) => void;
}

/** Builds the images, deploys examples/hello by the API, and waits until the page and its heartbeat answer. Gives its URL. */
export async function deployHello(options: HelloOptions): Promise<string> {
  const { root, controlPlane, socketPath, say } = options;
  const example = join(root, "examples/hello");
  await buildHelloImages({ socketPath }, example, { cacheFolder: join(root, ".cache"), onProgress: say });
  const { url, roots, credential } = controlPlane;
  const organization = credential.organizationId;
  const api = openApi({ url, roots, token: credential.token, organization });
  const page = `http://localhost:${options.port}/`;
  const source: StackSource = {
    files: { "compose.yaml": await readFile(join(example, "compose.yaml"), "utf8") },
    variables: [{ name: "HELLO_PORT", value: String(options.port) }],
  };
  if (await isDeployed(api, organization, options.stackName)) say("hello is deployed already");
  else
    await deploy(
      api,
      {
        organization,
        name: options.stackName,
        placement: { hostIds: [options.hostId] },
        source,
        message: "npm start",
        deadlineSeconds: ROLLOUT_DEADLINE_SECONDS,
      },
      say,
    );
  await untilAnswers(page);
  return page;
}

// A stack that was brought to its end once is the person's own from then on: edited, moved, even broken.
async function isDeployed(api: ApiClient, organization: string, name: string): Promise<boolean> {
  const { stacks = [] } = await api.stacks.listStacks({ organization, filter: name });
  const stack = stacks.find((one) => one.name === name);
  return (stack?.currentRevision ?? 0) > 0;
}

async function deploy(api: ApiClient, deployment: Deployment, say: (line: string) => void): Promise<void> {
  const { organization } = deployment;
  const began = await beginDeploy(api, deployment);
  const signal = AbortSignal.timeout(ROLLOUT_TIMEOUT_MS);
  let said = "";
  const ended = await followRollout(api, organization, began.id ?? "", signal, (rollout) => {
    const step = (rollout.hosts ?? [])
      .map((host) => host.currentStep)
      .find((text) => text !== undefined && text !== "");
    if (step !== undefined && step !== said) say(`  ${(said = step)}`);
  });
  if (ended.state === "STATE_SUCCEEDED") return;
  throw new Error(`The rollout of ${deployment.name} did not succeed: ${describeRollout(ended)}`);
}

/** Checks the page and that its heartbeat, written by the other service, moves. */
async function untilAnswers(page: string): Promise<void> {
  const deadline = Date.now() + ANSWER_TIMEOUT_MS;
  let last = "nothing yet";
  let first: number | undefined;
  while (Date.now() < deadline) {
    try {
      const html = await (await fetch(page)).text();
      if (!html.includes("Hello from WindFlow")) throw new Error("another page answers there");
      const { beats } = (await (await fetch(`${page}heartbeat/pulse.json`)).json()) as { beats: number };
      first ??= beats;
      if (beats > first) return;
      last = `the heartbeat stands at ${beats}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await sleep(ANSWER_POLL_MS);
  }
  throw new Error(`${page} did not answer as it should within ${ANSWER_TIMEOUT_MS / 1000} s: ${last}`);
}

/** Takes the stack off its hosts and deletes it. */
export async function removeStack(controlPlane: ControlPlane, name: string): Promise<void> {
  const { url, roots, credential } = controlPlane;
  const organization = credential.organizationId;
  const api = openApi({ url, roots, token: credential.token, organization });
  const { stacks = [] } = await api.stacks.listStacks({ organization, filter: name });
  const stack = stacks.find((one) => one.name === name);
  if (stack === undefined) return;
  const { rolloutId = "" } = await api.stacks.deleteStack({ organization, stackId: stack.id ?? "" });
  if (rolloutId === "") return;
  const ended = await followRollout(api, organization, rolloutId, AbortSignal.timeout(ROLLOUT_TIMEOUT_MS));
  if (ended.state !== "STATE_SUCCEEDED") throw new Error(`The stack was not removed: ${describeRollout(ended)}`);
}
