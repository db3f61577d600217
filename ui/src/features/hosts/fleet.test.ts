import type { Host } from "@windflow/proto/client";
import { mount } from "@vue/test-utils";
import { createPinia } from "pinia";
import { describe, expect, test } from "vitest";
import { createTranslator } from "../../app/i18n.ts";
import { complete, completionsFor, wordAt } from "./filter-completion.ts";
import { useFleetSentence } from "./fleet-sentence.ts";
import { filterOfGroup, splitWords, valueOf, withoutKeys, withWord } from "./fleet-words.ts";
import { linesOf, makeHostRows } from "./grouped-hosts.ts";
import { mapHostsOf } from "./map-hosts.ts";
import { cellAt, cellBeside, groupsOf, layOut, type MapHost } from "./health-map-layout.ts";
import { barParts, markOf } from "./health.ts";
import { readsFor } from "./host-list.ts";

describe("a filter of hosts", () => {
  test("is split, read and changed word by word", () => {
    expect(splitWords('web site="New York" health=ok')).toEqual(["web", 'site="New York"', "health=ok"]);
    expect(valueOf('site="New York"', "site")).toBe("New York");
    expect(withWord("web health=ok", "health", "failed")).toBe("web health=failed");
    expect(withWord("web", "site", "New York")).toBe('web site="New York"');
    expect(withoutKeys("web health=ok presence=stale", ["health", "presence"])).toBe("web");
  });
  test("of a group asks for its value, for no label, or for an environment", () => {
    expect(filterOfGroup("role=edge", "site", "paris")).toBe("role=edge site=paris");
    expect(filterOfGroup("", "site", "")).toBe('site=""');
    expect(filterOfGroup("", "@environment", "prod")).toBe("environment=prod");
    expect(filterOfGroup("web", "", "")).toBe("web");
  });
  test("is completed by keys, then by the values of a key", () => {
    const known = { labels: ["site", "rack"], values: ["paris", "lyon", "New York"] };
    expect(completionsFor(wordAt("web si", 6), known).map(({ text }) => text)).toEqual(["site="]);
    expect(completionsFor(wordAt("hea", 3), known)[0]).toEqual({ text: "health=", label: "health", isKey: true });
    const word = wordAt("site=yor health=ok", 8);
    expect([word.key, word.typed]).toEqual(["site", "yor"]);
    const [found] = completionsFor(word, known);
    expect(found?.text).toBe('site="New York"');
    expect(complete("site=yor health=ok", word, found!)).toEqual({ text: 'site="New York" health=ok', caret: 16 });
    expect(wordAt('site="New Y', 11)).toMatchObject({ from: 0, key: "site", typed: "New Y" });
  });
});

describe("the health of a host", () => {
  test("is unknown when nothing is said, and drift is told before ok", () => {
    expect(markOf({})).toBe("unknown");
    expect(markOf({ health: "HEALTH_OK", stacksDrifted: 1 })).toBe("drifted");
    expect(markOf({ health: "HEALTH_FAILED", stacksDrifted: 1 })).toBe("failed");
  });
  test("of many is a bar, worst first, in which none is left out", () => {
    const parts = barParts({ hosts: 10, ok: 7, failed: 1, unknown: 2, drifted: 3 });
    expect(parts.map(({ mark, count }) => [mark, count])).toEqual([
      ["failed", 1],
      ["unknown", 2],
      ["ok", 7],
    ]);
    expect(barParts({})).toEqual([]);
  });
  test("is a sentence in both languages", () => {
    const i18n = createTranslator();
    const wrapper = mount(
      { setup: () => ({ sentence: useFleetSentence() }), template: "<i />" },
      { global: { plugins: [createPinia(), i18n] } },
    );
    const { sentence } = wrapper.vm as unknown as { sentence: ReturnType<typeof useFleetSentence> };
    expect(sentence({ ok: 47, failed: 1, unknown: 2 })).toBe("47 ok, 1 failed, 2 not reached");
    expect(sentence({ ok: 1_200, unknown: 1, notReachedSince: new Date().toISOString() })).toMatch(
      /^1,200 ok, 1 not reached since \d\d:\d\d/,
    );
  });
});

describe("changes of hosts", () => {
  const shown = new Set(["a", "b"]);
  const host = (id: string, change = "updated") => ({ kind: "host", id, change });

  test("of hosts that are not shown read nothing", () => {
    expect(readsFor([host("x"), { kind: "stack", id: "s" }], shown)).toBe("nothing");
  });
  test("read each shown host once, and the pages when hosts come, go or are many", () => {
    expect(readsFor([host("a"), host("a"), host("x")], shown)).toEqual(["a"]);
    expect(readsFor([host("x", "created")], shown)).toBe("seen");
    expect(readsFor([{ kind: "reset" }], shown)).toBe("seen");
    const many = Array.from({ length: 50 }, (_, index) => String(index));
    expect(
      readsFor(
        many.map((id) => host(id)),
        new Set(many),
      ),
    ).toBe("seen");
  });
});

test("an open group is followed by its hosts and by what is still to be read", () => {
  const hosts: Host[] = [{ id: "1" }, { id: "2" }];
  const rowOf = makeHostRows();
  const lines = linesOf(
    [
      { value: "paris", hosts: 5 },
      { value: "", hosts: 1 },
    ],
    new Map([["paris", { rows: hosts, total: 5, error: undefined }]]),
    rowOf,
  );
  expect(lines.map((line) => line.key)).toEqual(["group paris", "paris 1", "paris 2", "more paris", "group "]);
  expect(lines[3]).toMatchObject({ left: 3 });
  // What has not changed is the same line, and is not drawn anew.
  expect(rowOf(hosts[0] ?? {}, "paris 1")).toBe(lines[1]);
});

describe("the map", () => {
  const host = (index: number, site: string): MapHost => ({
    id: String(index),
    name: `h${index}`,
    mark: "ok",
    group: site,
  });
  const many = Array.from({ length: 10_000 }, (_, index) => host(index, ["paris", "lyon", ""][index % 3]!));

  test("is read from the columns of one answer", () => {
    const hosts = mapHostsOf({
      ids: ["a", "b"],
      names: ["one", "two"],
      healths: ["HEALTH_OK", "HEALTH_UNKNOWN"],
      presences: ["PRESENCE_ONLINE", "PRESENCE_OFFLINE"],
      drifted: [true, true],
      groups: [1, 0],
      values: ["lyon", "paris"],
    });
    expect(hosts).toEqual([
      { id: "a", name: "one", mark: "drifted", group: "paris" },
      { id: "b", name: "two", mark: "unknown", group: "lyon" },
    ]);
  });
  test("groups by a label, those without it last", () => {
    expect(groupsOf(many).map(([value, hosts]) => [value, hosts.length])).toEqual([
      ["lyon", 3333],
      ["paris", 3334],
      ["", 3333],
    ]);
  });
  test("has a cell of its own for each host, inside of the width", () => {
    const layout = layOut(groupsOf(many), 1100);
    expect(new Set(layout.cells.map(({ x, y }) => `${x} ${y}`)).size).toBe(10_000);
    expect(Math.max(...layout.cells.map(({ x }) => x + layout.size))).toBeLessThanOrEqual(1100);
    for (const index of [0, 5_000, 9_999]) {
      const { x, y } = layout.cells[index]!;
      expect(cellAt(layout, x + 1, y + 1)).toBe(index);
    }
    expect(cellAt(layout, 2_000, 10)).toBe(-1);
  });
  test("is walked with the arrow keys, also from a group to the next", () => {
    const layout = layOut(
      [
        ["a", [host(0, "a"), host(1, "a")]],
        ["b", [host(2, "b")]],
      ],
      140,
    );
    expect(cellBeside(layout, 0, "ArrowRight")).toBe(1);
    expect(cellBeside(layout, 1, "ArrowDown")).toBe(2);
    expect(cellBeside(layout, 2, "ArrowUp")).toBe(0);
    expect(cellBeside(layout, 2, "ArrowRight")).toBe(2);
    expect([cellBeside(layout, 2, "Home"), cellBeside(layout, 0, "End")]).toEqual([0, 2]);
  });
});
