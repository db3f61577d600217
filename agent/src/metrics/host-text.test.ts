import { expect, test } from "vitest";
import {
  localMounts,
  memoryField,
  parseCpuTimes,
  parseDiskstats,
  parseLoad,
  parseNetDev,
  parseUptime,
  sumNetDev,
} from "./host-text.ts";

test("processor times add up, guests not counted twice", () => {
  const stat = "cpu  100 5 50 1000 20 3 2 7 40 1\ncpu0 1 2 3\n";
  expect(parseCpuTimes(stat)).toEqual({ idle: 1000, iowait: 20, steal: 7, total: 1187 });
});

test("memory is in bytes, by the whole name", () => {
  const text = "MemTotal:       1000 kB\nMemAvailable:    400 kB\nHugePages_Total:  0\n";
  expect(memoryField(text, "MemTotal")).toBe(1_024_000);
  expect(memoryField(text, "MemAvailable")).toBe(409_600);
  expect(memoryField(text, "Available")).toBeNaN();
});

test("disks are counted in sectors of 512 bytes", () => {
  const line = " 254       0 vda 100 0 2000 50 300 0 4000 70 0 0 0 0 0 0 0 0 0";
  expect(parseDiskstats(`${line}\n`)).toEqual(new Map([["vda", { in: 1_024_000, out: 2_048_000 }]]));
});

test("interfaces are read whatever their padding; those of engines are none of the host's, loopback none of a container's", () => {
  const line = (name: string, received: number, sent: number): string =>
    `${name}${received} 1 0 0 0 0 0 0   ${sent} 2 0 0 0 0 0 0\n`;
  const lines = [line("    lo:  ", 10, 20), line("  eth0:", 30, 40), line("veth1a2b:  ", 5, 6), line("lo0: ", 7, 8)];
  const text = `Inter-|   Receive\n face |bytes\n${lines.join("")}`;
  expect(parseNetDev(text)).toEqual(
    new Map([
      ["eth0", { in: 30, out: 40 }],
      ["lo0", { in: 7, out: 8 }],
    ]),
  );
  expect(sumNetDev(text)).toEqual({ in: 42, out: 54 });
});

test("load and uptime are the first numbers", () => {
  expect(parseLoad("0.52 0.40 0.30 1/200 1234\n")).toBe(0.52);
  expect(parseUptime("123.45 400.00\n")).toBe(123.45);
});

test("only local file systems are looked at, each device once, the root always", () => {
  const mounts = [
    "overlay / overlay rw 0 0",
    "/dev/sda1 /data ext4 rw 0 0",
    "/dev/sda1 /data/again ext4 rw 0 0",
    "server:/export /mnt/nfs nfs4 rw 0 0",
    "/dev/sdb1 /var/lib/docker ext4 rw 0 0",
    "/dev/sdc1 /with\\040space xfs rw 0 0",
    "tmpfs /run tmpfs rw 0 0",
  ].join("\n");
  expect(localMounts(mounts)).toEqual(["/", "/data", "/with space"]);
});
