import { isMainThread } from "node:worker_threads";

// Nothing that these need is loaded for a health check, which a container makes again and again; and no top-level await: in
// an executable this is one CommonJS file.
if (isMainThread) main(process.argv.slice(2)).catch(giveUp);
// A bundle is loaded again by its own threads, which do one thing each.
else import("./compose/render-thread.ts").catch(giveUp);

async function main(flags: string[]): Promise<void> {
  if (flags.includes("--help")) {
    const { helpText } = await import("./config.ts");
    process.stdout.write(helpText());
  } else if (flags.includes("--version")) {
    const { describeVersion } = await import("./version.ts");
    process.stdout.write(`${describeVersion()}\n`);
  } else if (flags[0] === "health") {
    const { checkHealth } = await import("./health-check.ts");
    await checkHealth(flags.slice(1), process.env);
  } else {
    const { explain, serve } = await import("./serve.ts");
    await serve(flags).catch((error: unknown) => giveUp(explain(error)));
  }
}

function giveUp(why: unknown): never {
  process.stderr.write(`windflow: ${why instanceof Error ? (why.stack ?? why.message) : String(why)}\n`);
  process.exit(1);
}
