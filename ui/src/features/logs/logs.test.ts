import { describe, expect, test, vi } from "vitest";
import { ansiRuns, plainText } from "./ansi.ts";
import { rowsAbovePx, scrolledPx, scrollTopOf, TALLEST_PX } from "./fixed-rows.ts";
import { LogBuffer, type BufferedLine } from "./log-buffer.ts";
import { LogSearch } from "./log-search.ts";

const line = (number: number): BufferedLine => ({ at: number, stderr: false, text: `line ${number}` });
const lines = (from: number, to: number): BufferedLine[] =>
  Array.from({ length: to - from }, (_, index) => line(from + index));

describe("the buffer of a log", () => {
  test("keeps the newest lines and counts those that left", () => {
    const buffer = new LogBuffer(25_000);
    for (let from = 0; from < 60_000; from += 7_000) buffer.append(lines(from, Math.min(60_000, from + 7_000)));
    expect(buffer.length).toBeLessThanOrEqual(25_000);
    expect(buffer.length + buffer.forgotten).toBe(60_000);
    expect(buffer.at(0)?.text).toBe(`line ${buffer.forgotten}`);
    expect(buffer.at(buffer.length - 1)?.text).toBe("line 59999");
  });
  test("gives a part across blocks", () => {
    const buffer = new LogBuffer();
    buffer.append(lines(0, 20_500));
    expect(buffer.slice(9_998, 10_002).map(({ text }) => text)).toEqual([
      "line 9998",
      "line 9999",
      "line 10000",
      "line 10001",
    ]);
    expect(buffer.slice(20_499, 20_900)).toHaveLength(1);
  });
});

describe("a million rows", () => {
  const rows = { count: 1_000_000, rowPx: 20, viewPx: 600 };

  test("fit the height that browsers can scroll, and both ends are reached exactly", () => {
    expect(scrolledPx(rows)).toBe(TALLEST_PX);
    expect(rowsAbovePx(rows, 0)).toBe(0);
    expect(rowsAbovePx(rows, TALLEST_PX - 600)).toBe(20_000_000 - 600);
  });
  test("can be scrolled to any one of them", () => {
    for (const index of [0, 17, 499_999, 999_999]) {
      const above = rowsAbovePx(rows, scrollTopOf(rows, index));
      expect(above).toBeLessThanOrEqual(index * 20);
      expect(above + 600).toBeGreaterThanOrEqual((index + 1) * 20 - 0.01);
    }
  });
  test("that fit the view do not scroll", () => {
    expect(rowsAbovePx({ count: 3, rowPx: 20, viewPx: 600 }, 40)).toBe(0);
  });
});

describe("searching a log", () => {
  test("finds in turns, and goes on as lines come and leave", async () => {
    vi.useFakeTimers();
    const buffer = new LogBuffer(30_000);
    buffer.append(lines(0, 50_000));
    const search = new LogSearch(buffer, () => undefined);
    search.find("LINE 4999");
    await vi.runAllTimersAsync();
    expect(search.matches).toEqual([49_990, 49_991, 49_992, 49_993, 49_994, 49_995, 49_996, 49_997, 49_998, 49_999]);
    buffer.append([{ at: 0, stderr: true, text: "\u001b[31mline 4999\u001b[0m again" }]);
    search.more();
    expect(search.matches.at(-1)).toBe(50_000);
    buffer.append(lines(0, 30_000));
    search.more();
    await vi.runAllTimersAsync();
    expect(search.matches.every((number) => number >= buffer.forgotten)).toBe(true);
    vi.useRealTimers();
  });
});

describe("escapes in a line", () => {
  test("colour and weight become runs, the rest is left out", () => {
    expect(ansiRuns("\u001b[1;31mbad\u001b[0m \u001b[2Kfine\u0007")).toEqual([
      { text: "bad", color: 1, bold: true },
      { text: " ", color: undefined, bold: false },
      { text: "fine", color: undefined, bold: false },
    ]);
    expect(plainText("\u001b]0;title\u0007\u001b[32mok\u001b[39m")).toBe("ok");
  });
});
