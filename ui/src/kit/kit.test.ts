import { mount, type VueWrapper } from "@vue/test-utils";
import { createPinia } from "pinia";
import { nextTick, type Component } from "vue";
import { describe, expect, test } from "vitest";
import { createMemoryHistory, createRouter } from "vue-router";
import { createTranslator } from "../app/i18n.ts";
import { ApiError } from "@windflow/proto/client";
import Button from "./button.vue";
import Field from "./field.vue";
import Meter from "./meter.vue";
import PairsEditor from "./pairs-editor.vue";
import Problem from "./problem.vue";
import Segments from "./segments.vue";
import { allowScriptedStyles } from "./style-document.ts";
import { useToasts } from "./toasts.ts";

const router = createRouter({ history: createMemoryHistory(), routes: [{ path: "/", component: { template: "x" } }] });
function show(component: Component, props: Record<string, unknown>, slots: Record<string, string> = {}): VueWrapper {
  return mount(component, {
    props,
    slots,
    global: { plugins: [createPinia(), createTranslator(), router] },
    attachTo: document.body,
  });
}

describe("a button", () => {
  test("cannot be pressed while it works, and says so", () => {
    const button = show(Button, { loading: true }, { default: "Save" });
    expect([button.attributes("disabled"), button.attributes("aria-busy"), button.attributes("type")]).toEqual([
      "",
      "true",
      "button",
    ]);
  });
  test("with a target is a link", () => {
    expect(show(Button, { to: "/" }, { default: "Home" }).element.tagName).toBe("A");
  });
});

test("a field ties its label, hint and error to its input", () => {
  const field = show(
    Field,
    { label: "Name", error: "It is missing." },
    { default: `<template #default="p"><input :id="p.id" :aria-describedby="p.describedBy" /></template>` },
  );
  const input = field.get("input");
  expect(field.get("label").attributes("for")).toBe(input.attributes("id"));
  expect(field.get("[role=alert]").attributes("id")).toBe(input.attributes("aria-describedby"));
});

test("segments are moved through with the arrow keys", async () => {
  const segments = show(Segments, {
    modelValue: "a",
    label: "Pick",
    options: [
      { value: "a", label: "A" },
      { value: "b", label: "B" },
    ],
  });
  await segments.findAll("[role=radio]")[0]!.trigger("keydown", { key: "ArrowLeft" });
  expect(segments.emitted("update:modelValue")).toEqual([["b"]]);
});

test("pairs without a key are not part of the value", async () => {
  const pairs = show(PairsEditor, { modelValue: { site: "paris" }, label: "Labels", addLabel: "Add" });
  await pairs.findAll("button").at(-1)!.trigger("click");
  const inputs = pairs.findAll("input");
  await inputs[3]!.setValue("edge");
  expect(pairs.emitted("update:modelValue")?.at(-1)).toEqual([{ site: "paris" }]);
  await inputs[2]!.setValue(" role ");
  expect(pairs.emitted("update:modelValue")?.at(-1)).toEqual([{ site: "paris", role: "edge" }]);
});

test("a meter stays between its ends", () => {
  expect(show(Meter, { value: 140, label: "CPU" }).get("[role=meter]").attributes("aria-valuenow")).toBe("100");
});

describe("a problem", () => {
  test("says what, why and what to do, and what to quote", () => {
    const text = show(Problem, {
      error: new ApiError({
        code: "WF_NAME_TAKEN",
        title: "Taken",
        detail: "A stack named shop exists.",
        fix: "Choose another name.",
        requestId: "req_7",
        status: 409,
      }),
    }).text();
    for (const part of ["Taken", "A stack named shop exists.", "Choose another name.", "WF_NAME_TAKEN", "req_7"])
      expect(text).toContain(part);
  });
  test("that the page knows is told in its own words", () => {
    expect(show(Problem, { error: new ApiError({ code: "WF_UNREACHABLE", detail: "x" }) }).text()).toContain(
      "Hosts go on without it.",
    );
  });
});

test("toasts are few; errors stay", async () => {
  const wrapper = show({ setup: () => ({ store: useToasts() }), template: "<i />" }, {});
  const { store } = wrapper.vm as unknown as { store: ReturnType<typeof useToasts> };
  for (let index = 0; index < 6; index += 1) store.show("bad", `problem ${index}`);
  await nextTick();
  expect(store.toasts.map(({ title }) => title)).toEqual(["problem 2", "problem 3", "problem 4", "problem 5"]);
  store.close(store.toasts[0]!.id);
  expect(store.toasts).toHaveLength(3);
});

test("styles that a script writes go where the policy allows them, until that ends", () => {
  const forbid = allowScriptedStyles(document);
  const before = document.adoptedStyleSheets.length;
  const style = document.createElement("style");
  style.textContent = ".a { color: red }";
  expect([style.tagName, document.adoptedStyleSheets.length]).toEqual(["SPAN", before + 1]);
  style.remove();
  const span = document.createElement("span");
  span.setAttribute("class", "x");
  expect([span.className, document.adoptedStyleSheets.length]).toEqual(["x", before]);
  forbid();
  expect(document.createElement("style").tagName).toBe("STYLE");
});
