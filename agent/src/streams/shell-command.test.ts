import { expect, test } from "vitest";
import { shellCommand } from "./shell-command.ts";

const place = { systemd: false, user: "root", ownUser: "root", shell: "/bin/bash", cgroups: "0::/\n" };
const command = (over: Partial<typeof place>): readonly string[] => {
  const { file, args } = shellCommand({ ...place, ...over });
  return [file, ...args];
};

test("with systemd a shell is a transient unit of the named user", () => {
  expect(command({ systemd: true, user: "ops" }).join(" ")).toBe(
    "systemd-run --quiet --collect --pty --uid=ops --property=WorkingDirectory=~ --setenv=TERM=xterm-256color -- /bin/bash -l",
  );
});

test("without systemd it is that user's login shell", () => {
  expect(command({ user: "ops" }).slice(5)).toEqual(["su", "-s", "/bin/bash", "-", "ops"]);
  expect(command({}).slice(5)).toEqual(["/bin/bash", "-l"]);
});

test.each([
  ["of nobody that we know", "0::/user.slice/session-1.scope\n4:memory:/", ""],
  [
    "of an installation, cgroup 2",
    "0::/windflow-agent\n",
    "/sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/unified/cgroup.procs",
  ],
  [
    "of an installation, cgroup 1",
    "7:pids:/\n4:memory:/below/windflow-agent\n0::/\n",
    "/sys/fs/cgroup/memory/cgroup.procs",
  ],
  [
    "of OpenRC, cgroup 1",
    "4:memory:/openrc_windflow-agent\n1:name=openrc:/windflow-agent\n",
    "/sys/fs/cgroup/memory/cgroup.procs /sys/fs/cgroup/openrc/cgroup.procs",
  ],
])("without systemd it leaves the control group of the agent: %s", (_name, cgroups, left) => {
  expect(command({ cgroups })[4]).toBe(left);
});
