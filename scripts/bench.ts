// `npm run bench -- NAME [arguments]`: one measured comparison.
import { runNamed } from "./run/named.ts";

await runNamed({ what: "benchmark", folder: "bench/src", results: "bench/results" });
