import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { run as runCorpus } from "./compose-corpus.ts";
import { run as runRender } from "./render.ts";

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "windflow-corpus-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

const networks = { default: { name: "app_default", ipam: {} } };
const service = { command: null, entrypoint: null, image: "x$$y", networks: { default: null } };
const answer = JSON.stringify({ name: "app", networks, services: { a: service } });
const cases = ["same", "other", "refused", "accepted", "unanswered", "broken", "fault", "gone"].map((name) => ({
  name,
  dir: "app",
  files: [`app/${name}.yaml`],
}));

test("a folder laid out like the practice set is judged, whatever is missing in it", async () => {
  const folder = await folderOf({
    "set/app/same.yaml": "services: { a: { image: x$$y } }\n",
    "set/app/other.yaml": "services: { a: { image: z } }\n",
    "set/app/refused.yaml": "services: { a: { imag: x } }\n",
    "set/app/accepted.yaml": "services: { a: { image: x } }\n",
    "set/app/unanswered.yaml": "services: { a: { image: x } }\n",
    "set/app/broken.yaml": "services: { a: { image: x } }\n",
    "set/app/fault.yaml": "services: { a: { image: x } }\n",
    "reference/notes/README.md": "no cases here\n",
    "reference/set/cases.json": JSON.stringify(cases),
    "reference/set/same.json": answer,
    "reference/set/other.json": answer,
    "reference/set/refused.err.txt": "no\n",
    "reference/set/accepted.err.txt": "no\n",
    "reference/set/broken.json": "{",
    "reference/set/fault.err.txt": "panic\n",
    "reference/set/gone.err.txt": "no such file\n",
    "reference/set/verdicts.tsv": "fault\tbare\treject\t\treference-tool-bug\n",
  });
  expect(await runCorpus([folder])).toMatchObject({
    bench: "compose-corpus",
    cases: 5,
    accepted: { equal: 1, different: 1, refused: 0 },
    rejected: { refused: 2, accepted: 1 },
    skipped: 3,
  });
  expect(await runRender([folder, "--small"])).toMatchObject({ files: 2, renders: 20 });
});

test("a folder of another layout is said to be one", async () => {
  const folder = await folderOf({ "compose.yaml": "services: {}\n" });
  expect(() => runCorpus([folder])).toThrow("has no folder reference");
});

test("without a folder, the stacks of the benchmark deploy are rendered", async () => {
  expect(await runRender(["--small"])).toMatchObject({ bench: "render", files: 3, renders: 20 });
});
