import { BuildTask } from "@windflow/proto/agent";
import { expect, test } from "vitest";
import { requireAllowed } from "./stream-build.ts";

const task = (build: object): BuildTask =>
  BuildTask.fromPartial({ service: "web", buildJson: Buffer.from(JSON.stringify(build)) });

test("a build gets the network of the host only where the owner of the machine allows it", () => {
  for (const network of [undefined, "none", "default"])
    expect(() => requireAllowed(task({ network }), { allowsPrivileged: () => false })).not.toThrow();
  for (const network of ["host", "container:db"]) {
    expect(() => requireAllowed(task({ network }), { allowsPrivileged: () => false })).toThrow(
      `does not allow the build of web the network "${network}"`,
    );
    expect(() => requireAllowed(task({ network }), { allowsPrivileged: () => true })).not.toThrow();
  }
});
