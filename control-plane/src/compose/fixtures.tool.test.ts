// Asks the real docker compose about every fixture, where one is installed or unpacked for the tests. Delete fixtures/answers.txt to record anew.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import {
  type Answer,
  ANSWERS_PATH,
  type Fixture,
  FIXTURE_FOLDER,
  FIXTURE_HOME,
  readAnswers,
  readFixtures,
} from "./testing/fixtures.ts";

const repository = join(import.meta.dirname, "../../..");
const PLACES = [
  join(repository, ".cache/engines/docker-current/tree/usr/libexec/docker/cli-plugins/docker-compose"),
  "/usr/libexec/docker/cli-plugins/docker-compose",
  "/usr/local/lib/docker/cli-plugins/docker-compose",
];
const tool = PLACES.find((path) => existsSync(path));
// One process a fixture, some 50 ms each on a quiet machine.
const ALL_FIXTURES_TIMEOUT_MS = 300_000;

test.skipIf(tool === undefined)(
  "the recorded answers are those of docker compose",
  { timeout: ALL_FIXTURES_TIMEOUT_MS },
  async () => {
    const recorded = readAnswers();
    const root = await mkdtemp(join(tmpdir(), "windflow-fixtures-"));
    try {
      const lines: string[] = [];
      const different: string[] = [];
      for (const fixture of readFixtures()) {
        const answer = await ask(fixture, root);
        const known = recorded.get(fixture.name);
        if (JSON.stringify(known?.model) !== JSON.stringify(answer.model)) different.push(fixture.name);
        lines.push(`${fixture.name}\t${answer.model === undefined ? "" : JSON.stringify(answer.model)}`);
      }
      if (recorded.size === 0) await writeFile(ANSWERS_PATH, `${lines.join("\n")}\n`);
      else expect(different).toEqual([]);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  },
);

async function ask(fixture: Fixture, root: string): Promise<Answer> {
  const folder = join(root, "fixture");
  await rm(folder, { recursive: true, force: true });
  for (const [name, text] of Object.entries(fixture.files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const args = [
    ...fixture.composeFiles.flatMap((file) => ["-f", file]),
    ...fixture.profiles.flatMap((profile) => ["--profile", profile]),
    "--project-directory",
    folder,
    "config",
    "--format",
    "json",
  ];
  const env = { HOME: FIXTURE_HOME, PATH: "/usr/bin:/bin", ...fixture.environment };
  return new Promise((resolve) => {
    execFile(tool ?? "docker-compose", args, { cwd: folder, env }, (error, stdout) => {
      const text = stdout.replaceAll(root, dirname(FIXTURE_FOLDER));
      resolve({ model: error === null ? unescaped(JSON.parse(text)) : undefined });
    });
  });
}

// The tool prints every dollar sign twice.
function unescaped(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("$$", "$");
  if (Array.isArray(value)) return value.map(unescaped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [String(unescaped(key)), unescaped(member)]));
}
