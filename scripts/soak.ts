// `npm run soak -- NAME [arguments]`: what has to hold over a long time. Ends with 1 when something did not.
import { prepareForTests } from "./test/prepare.ts";
import { runNamed } from "./run/named.ts";

await prepareForTests(["engine"]);
await runNamed({ what: "soak", folder: "e2e/src/soaks", results: "e2e/results" });
