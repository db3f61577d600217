// Makes one tree and one source after another in a folder, until somebody kills the process.
import { containerWith, foldersFixture, text } from "./stack-folder-fixture.ts";

const FILES = 200;

async function main(folder: string): Promise<void> {
  const fixture = foldersFixture(folder);
  for (let n = 0; ; n++) {
    const files = Array.from({ length: FILES }, (_unused, i) => text(`conf/${i}`, `content ${n % 3}`));
    const stack = fixture.desire(files, [{ path: "conf" }]);
    process.stdout.write(`${n}\n`);
    const binds = await fixture.folders.binds(stack, "web");
    await fixture.folders.settle(fixture.world, [containerWith("c", Object.values(binds))]);
  }
}

main(process.argv[2] ?? "").catch((error: unknown) => {
  process.stderr.write(String(error));
  process.exitCode = 1;
});
