import { expect, test } from "vitest";
import { blkioBytes, cgroupFolder, ioStatBytes, limitBytes, parseCgroupMounts, statField } from "./cgroup-text.ts";

const V1 = [
  "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct",
  "36 31 0:33 /lxc/7 /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory",
  "39 31 0:36 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
].join("\n");
const V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";

test("on hybrid hosts the controllers of version 1 are found, also where two share a hierarchy or the top is not the root", () => {
  const mounts = parseCgroupMounts(V1);
  const group = "4:memory:/lxc/7/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/docker/abc\n";
  expect(cgroupFolder(mounts, group, "cpuacct")).toEqual({
    version: 1,
    folder: "/sys/fs/cgroup/cpu,cpuacct/docker/abc",
  });
  expect(cgroupFolder(mounts, group, "memory")).toEqual({ version: 1, folder: "/sys/fs/cgroup/memory/docker/abc" });
});

test("on version 2 every controller is in the one group", () => {
  const mounts = parseCgroupMounts(V2);
  expect(cgroupFolder(mounts, "0::/system.slice/docker-abc.scope\n", "memory")).toEqual({
    version: 2,
    folder: "/sys/fs/cgroup/system.slice/docker-abc.scope",
  });
  expect(cgroupFolder([], "0::/x\n", "memory")).toBeUndefined();
});

test("files of both versions are read", () => {
  expect(statField("cache 1\ntotal_inactive_file 4096\n", "total_inactive_file")).toBe(4096);
  expect(statField("total_inactive_file 4096\n", "inactive_file")).toBeUndefined();
  expect(blkioBytes("254:0 Read 10\n254:0 Write 20\n8:0 Read 5\nTotal 35\n")).toEqual({ in: 15, out: 20 });
  expect(ioStatBytes("254:0 rbytes=10 wbytes=20 rios=1\n8:0 rbytes=5 wbytes=0\n")).toEqual({ in: 15, out: 20 });
  expect([limitBytes("1048576\n"), limitBytes("max\n"), limitBytes("9223372036854771712\n"), limitBytes("")]).toEqual([
    1_048_576,
    undefined,
    undefined,
    undefined,
  ]);
});
