// What the real docker compose makes of a stack's folder on a host, where the tool is installed or unpacked for the tests.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ComposeModel } from "@windflow/core";
import { expect, test } from "vitest";
import { createRenderer } from "../compose/index.ts";
import { bodyFiles } from "./body-files.ts";
import { createComposeRenderer } from "./compose.ts";
import type { StackSource } from "./model.ts";
import { sourceFiles } from "./source-files.ts";
import { testStack } from "./testing/stack.ts";
import { renderVariables } from "./source.ts";

const PLACES = [
  join(
    import.meta.dirname,
    "../../../.cache/engines/docker-current/tree/usr/libexec/docker/cli-plugins/docker-compose",
  ),
  "/usr/libexec/docker/cli-plugins/docker-compose",
  "/usr/local/lib/docker/cli-plugins/docker-compose",
];
const tool = PLACES.find((path) => existsSync(path));

const source: StackSource = {
  files: {
    "base.yaml": `name: not-this
services:
  web:
    image: "web:\${TAG}"
    env_file: web.env
    environment: { GREETING: "\${GREETING}", PROJECT: "\${COMPOSE_PROJECT_NAME}" }
    volumes: ["./conf:/conf:ro"]
  extra: { image: extra, profiles: [more] }
  hidden: { image: hidden, profiles: [never] }
`,
    "prod.yaml": "services: { web: { labels: { stage: prod } } }\n",
    "web.env": "FROM_FILE=${TAG}-x\n",
    "conf/site.conf": "listen 80;\n",
  },
  composeFiles: ["base.yaml", "prod.yaml"],
  variables: [
    { name: "TAG", value: "1.2", secret: false },
    { name: "GREETING", value: `it's "5 $\\{x}" \\ #1\nnext line `, secret: false },
  ],
  profiles: ["more"],
  attachments: [],
};

test.skipIf(tool === undefined)(
  "docker compose without an argument sees in the stack's folder what the hosts were given",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "windflow-stack-"));
    try {
      const { model, textsRead } = await createComposeRenderer(createRenderer()).render({
        files: source.files,
        composeFiles: source.composeFiles,
        variables: renderVariables(source),
        profiles: source.profiles,
        projectName: testStack.project,
        workingDirectory: folder,
      });
      if (model === undefined) throw new Error("the source does not render");
      const files = sourceFiles(source, folder, new Map());
      const draft = { stack: testStack, number: 1, source, secrets: new Map(), files, problems: [], textsRead };
      for (const { path, content } of bodyFiles(draft, model, folder).files) {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, content ?? "");
      }
      expect(await composeConfig(folder)).toEqual(model);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

async function composeConfig(folder: string): Promise<ComposeModel> {
  const printed = await new Promise<string>((resolve, reject) => {
    const environment = { PATH: "/usr/bin:/bin", HOME: folder };
    execFile(tool ?? "", ["config", "--format", "json"], { cwd: folder, env: environment }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
  // The tool prints every dollar sign twice.
  return JSON.parse(printed.replaceAll("$$", "$")) as ComposeModel;
}
