import { describe, expect, test } from "vitest";
import { chartGroups } from "./chart-groups.ts";

const percent = (name: string, values: number[]) => ({ name, unit: "percent", values });
const bytes = (name: string, values: number[]) => ({ name, unit: "bytes", values });

describe("charts of a series", () => {
  test("come in a fixed order, with the columns that belong together", () => {
    const { groups } = chartGroups({
      atMs: [1000, 6000],
      stepSeconds: 5,
      columns: [
        bytes("memory_total_bytes", [8, 8]),
        bytes("memory_used_bytes", [3, 4]),
        percent("cpu_steal_percent", [0, 0]),
        percent("cpu_iowait_percent", [0, 12]),
        percent("cpu_percent", [20, 30]),
        bytes("swap_used_bytes", [0, 0]),
      ],
    });
    expect(groups.map(({ key, top, lines }) => [key, top, lines.map(({ name }) => name)])).toEqual([
      ["cpu", 100, ["cpu_percent", "cpu_iowait_percent"]],
      ["memory", 8, ["memory_used_bytes"]],
    ]);
  });
  test("show a gap in time as a gap in the lines, and nothing for what is not known", () => {
    const { atMs, groups } = chartGroups({
      atMs: [0, 5000, 200_000],
      stepSeconds: 5,
      columns: [percent("cpu_percent", [1, Number.NaN, 3])],
    });
    expect(atMs).toEqual([0, 5000, 5001, 200_000]);
    expect(groups[0]?.lines[0]?.values).toEqual([1, null, null, 3]);
  });
  test("show file systems as shares, the fullest first", () => {
    const { groups } = chartGroups({
      atMs: [0],
      stepSeconds: 5,
      columns: [
        bytes("disk_used_bytes:/", [10]),
        bytes("disk_total_bytes:/", [100]),
        bytes("disk_used_bytes:/data", [9]),
        bytes("disk_total_bytes:/data", [10]),
      ],
    });
    expect(groups[0]?.lines.map(({ name, values }) => [name, values])).toEqual([
      ["/data", [90]],
      ["/", [10]],
    ]);
  });
  test("of a container with more than one processor are not cut off at 100 %", () => {
    expect(chartGroups({ atMs: [0], columns: [percent("cpu_percent", [180])] }).groups[0]?.top).toBeUndefined();
  });
});
