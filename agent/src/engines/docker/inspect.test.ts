import Docker from "dockerode";
import { expect, test, vi } from "vitest";
import { inspectContainer } from "./inspect.ts";

const failed = (statusCode: number, message: string): Error =>
  Object.assign(new Error(`(HTTP code ${statusCode}) server error - ${message} `), { statusCode, json: { message } });

/** An engine that fails once with this, and knows the container then. */
function failsOnce(error: Error): Docker {
  const docker = new Docker({ socketPath: "/nowhere" });
  const container = docker.getContainer("one");
  vi.spyOn(container, "inspect")
    .mockRejectedValueOnce(error)
    .mockResolvedValueOnce({ Id: "one" } as Docker.ContainerInspectInfo);
  vi.spyOn(docker, "getContainer").mockReturnValue(container);
  return docker;
}

test("a container whose process ends while Podman looks at it is asked for again", async () => {
  const ended = failsOnce(failed(500, "read /proc/182/cgroup: no such process"));
  expect(await inspectContainer(ended, "one")).toEqual({ Id: "one" });
  const gone = failsOnce(failed(500, "open /proc/182/cgroup: no such file or directory"));
  expect(await inspectContainer(gone, "one")).toEqual({ Id: "one" });
});

test("what else an engine refuses is refused at once, in its own words", async () => {
  const broken = failsOnce(failed(500, "database is locked"));
  await expect(inspectContainer(broken, "one")).rejects.toThrow("database is locked");
  const absent = failsOnce(failed(404, "no such container"));
  await expect(inspectContainer(absent, "one")).rejects.toMatchObject({ status: 404 });
});
