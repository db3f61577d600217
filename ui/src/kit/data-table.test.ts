import { mount } from "@vue/test-utils";
import { expect, test } from "vitest";
import { h, nextTick } from "vue";
import DataRow from "./data-row.ts";

const draw = (row: { name: string }, index: number) => ({
  row,
  identity: row.name,
  columns: [{ key: "name", label: "Name" }],
  cells: { name: ({ row: one }: { row: { name: string } }) => [h("a", { href: "#" }, one.name)] },
  index,
  top: index * 44,
  template: "1fr",
  wide: false,
});

test("a row that becomes another one is drawn in the same elements, and gives the focus back to its table", async () => {
  const table = document.createElement("div");
  table.setAttribute("role", "table");
  table.tabIndex = 0;
  document.body.append(table);
  const row = mount(DataRow, { props: draw({ name: "edge-1" }, 0), attachTo: table });
  const link = row.get("a").element as HTMLElement;
  link.focus();
  await row.setProps(draw({ name: "edge-2" }, 40));
  await nextTick();
  expect(row.get("a").element).toBe(link);
  expect([row.text(), row.attributes("aria-rowindex")]).toEqual(["edge-2", "42"]);
  expect(document.activeElement).toBe(table);
  row.unmount();
  table.remove();
});
