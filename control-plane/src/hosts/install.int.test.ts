import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { curlFolder } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../testing/index.ts";

const INSTALLER = join(import.meta.dirname, "../../../installer");
const AGENT = `windflow-agent-linux-${process.arch === "arm64" ? "arm64" : "x64"}`;

// Stands for the agent's program: notes how it was called and what it was given.
const NOTING_AGENT = `#!/bin/sh
case $1 in
  --version) echo "windflow-agent 0.0.0-test" ;;
  enroll) { echo "$@"; cat; } >"$(dirname "$0")/called" ;;
esac
`;

let app: TestApp;
let folder: string;
let searchPath: string;
beforeAll(async () => {
  const own = process.env["PATH"] ?? "";
  searchPath = `${await curlFolder(own)}:${own}`;
  folder = await mkdtemp(join(tmpdir(), "windflow-install-"));
  app = await startTestApp({ parts: { installFolders: [INSTALLER, folder] } });
});
afterAll(async () => {
  await app.stop();
  await rm(folder, { recursive: true, force: true });
});

async function offer(agent: string, sums: string = agent): Promise<void> {
  await writeFile(join(folder, AGENT), agent);
  const hash = createHash("sha256").update(sums).digest("hex");
  await writeFile(join(folder, "SHA256SUMS"), `${hash}  ${AGENT}\n`);
}

async function lines(): Promise<{ secret: string; installCommand: string }> {
  const response = await app.rest.call("POST", `/v1/organizations/${app.organizationId}/enrollmentTokens`, {});
  return response.json as { secret: string; installCommand: string };
}

/** Runs a pasted line as a root shell would; options are added to the script's. */
function paste(line: string): Promise<{ code: number; output: string }> {
  const prefix = join(folder, "bin");
  const safe = `${line} --prefix ${prefix} --no-start`;
  return new Promise((resolve) => {
    const environment = { PATH: searchPath, HOME: folder, TMPDIR: folder };
    execFile("sh", ["-c", safe], { env: environment, timeout: 30_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr });
    });
  });
}
const atThePort = (line: string): string => line.replaceAll(/https:\/\/[^'/ ]+/g, app.url);

// The script writes a program: it insists on root, as an installation does.
const asRoot = process.getuid?.() === 0;

describe.runIf(asRoot)("the line that a person pastes", () => {
  it("fetches, checks and enrols, with the token on standard input only", async () => {
    await offer(NOTING_AGENT);
    const { secret, installCommand } = await lines();
    const { code, output } = await paste(atThePort(installCommand));
    expect({ code, output }).toMatchObject({ code: 0 });
    const [call = "", given] = (await readFile(join(folder, "bin/called"), "utf8")).split("\n");
    expect(call).toContain(`--server ${app.url}`);
    expect(call).not.toContain(secret);
    expect(given).toBe(secret);
    expect(output).not.toContain(secret);
  });

  it("stops when the authority is another than the line says", async () => {
    const { installCommand } = await lines();
    const wrong = atThePort(installCommand).replaceAll(app.app.certificates.rootsSha256(), "ab".repeat(32));
    const { code, output } = await paste(wrong);
    expect(code).not.toBe(0);
    expect(output).toMatch(/FAILED|did NOT match/);
  });

  it("stops when the agent does not match its checksum, or when there is none", async () => {
    await offer(`${NOTING_AGENT}# altered\n`, NOTING_AGENT);
    const altered = await paste(atThePort((await lines()).installCommand));
    expect(altered).toMatchObject({ code: 1 });
    expect(altered.output).toContain("does not match its checksum");
    await rm(join(folder, AGENT));
    await rm(join(folder, "bin"), { recursive: true, force: true });
    const none = await paste(atThePort((await lines()).installCommand));
    expect(none).toMatchObject({ code: 1 });
    expect(none.output).toContain("--agent FILE");
  });
});

describe("install.sh", () => {
  it("does nothing when it was cut short anywhere", async () => {
    const script = await readFile(join(INSTALLER, "install.sh"), "utf8");
    const calls = script.trimEnd().split("\n");
    expect(calls.at(-1)).toBe('main "$@"');
    const cut = join(folder, "cut.sh");
    await writeFile(cut, script.slice(0, script.lastIndexOf("main ")));
    await chmod(cut, 0o755);
    const ran = await new Promise((resolve) => {
      execFile("sh", [cut, "--server", "nonsense"], (error, stdout, stderr) =>
        resolve({ error, output: stdout + stderr }),
      );
    });
    expect(ran).toEqual({ error: null, output: "" });
  });

  it("is offered with the authority, and nothing else of the folder is", async () => {
    await writeFile(join(folder, "private.txt"), "private");
    const get = (file: string) => app.rest.call("GET", `/install/${file}`, undefined, { authorization: undefined });
    expect(await get("ca.pem")).toMatchObject({ status: 200, text: app.ca });
    expect((await get("install.sh")).text).toContain("#!/bin/sh");
    for (const file of ["private.txt", "..%2Fprivate.txt", "package.json"])
      expect(await get(file)).toMatchObject({ status: 404 });
    const other = AGENT.includes("x64") ? "windflow-agent-linux-arm64" : "windflow-agent-linux-x64";
    expect((await get(other)).text).toContain("Copy the agent");
  });
});
