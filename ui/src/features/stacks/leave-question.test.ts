import { flushPromises, mount } from "@vue/test-utils";
import { h, ref } from "vue";
import { expect, test } from "vitest";
import { createMemoryHistory, createRouter, RouterView } from "vue-router";
import { createTranslator } from "../../app/i18n.ts";
import LeaveQuestion from "./leave-question.vue";

function press(label: string): void {
  const found = [...document.querySelectorAll("button")].find((one) => one.textContent.trim() === label);
  if (found === undefined) throw new Error(`there is no button ${label}`);
  found.click();
}

test("an editor with changes is left only after a yes, one without at once", async () => {
  const saved = ref(false);
  const editor = { render: () => h("main", [h(LeaveQuestion, { mayLeave: () => saved.value })]) };
  const routes = [
    { path: "/editor", component: editor },
    { path: "/", component: { render: () => h("p") } },
  ];
  const router = createRouter({ history: createMemoryHistory(), routes });
  await router.push("/editor");
  const app = mount(RouterView, { global: { plugins: [createTranslator(), router] }, attachTo: document.body });
  const at = (): string => router.currentRoute.value.path;

  for (const [answer, path] of [
    ["Cancel", "/editor"],
    ["Leave and lose it", "/"],
  ] as const) {
    const going = router.push("/");
    await flushPromises();
    expect([at(), document.body.textContent.includes("Leave without saving?")]).toEqual(["/editor", true]);
    press(answer);
    await going;
    await flushPromises();
    expect(at()).toBe(path);
  }
  await router.push("/editor");
  saved.value = true;
  await router.push("/");
  expect(at()).toBe("/");
  app.unmount();
});
