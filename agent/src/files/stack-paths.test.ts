import type { ComposeModel } from "@windflow/core";
import { expect, test } from "vitest";
import { belowFolder, modelOnHost, onHost } from "./stack-paths.ts";

const FOLDER = "/var/lib/windflow/stacks/shop";

test("only the stack's own files are moved to the host's folder", () => {
  expect(onHost("/stack", FOLDER)).toBe(FOLDER);
  expect(onHost("/stack/a/b", FOLDER)).toBe(`${FOLDER}/a/b`);
  expect(onHost("/stacks/a", FOLDER)).toBe("/stacks/a");
  expect(onHost("/etc/hosts", FOLDER)).toBe("/etc/hosts");
  expect(belowFolder(FOLDER, FOLDER)).toBe("");
  expect(belowFolder(`${FOLDER}/a`, FOLDER)).toBe("a");
  expect(belowFolder(`${FOLDER}s/a`, FOLDER)).toBeUndefined();
  expect(belowFolder("/etc", undefined)).toBeUndefined();
});

test("exactly the keys whose relative paths docker compose makes absolute are changed", () => {
  const model = {
    name: "shop",
    services: {
      web: {
        command: ["/stack/run"],
        environment: { HOME: "/stack/home" },
        working_dir: "/stack",
        label_file: ["/stack/labels"],
        env_file: [{ path: "/stack/.env", required: true }],
        develop: { watch: [{ path: "/stack/src", action: "sync", target: "/stack/src" }] },
        volumes: [
          { type: "bind", source: "/stack/conf", target: "/stack/conf" },
          { type: "volume", source: "/stack", target: "/data" },
        ],
      },
    },
    configs: { app: { name: "shop_app", file: "/stack/app.conf" }, text: { content: "/stack/text" } },
    secrets: { key: { name: "shop_key", file: "/stack/key" } },
  } as unknown as ComposeModel;
  const moved = modelOnHost(model, FOLDER);
  expect(moved.services["web"]).toEqual({
    ...model.services["web"],
    label_file: [`${FOLDER}/labels`],
    env_file: [{ path: `${FOLDER}/.env`, required: true }],
    develop: { watch: [{ path: `${FOLDER}/src`, action: "sync", target: "/stack/src" }] },
    volumes: [
      { type: "bind", source: `${FOLDER}/conf`, target: "/stack/conf" },
      { type: "volume", source: "/stack", target: "/data" },
    ],
  });
  expect(moved.configs).toEqual({
    app: { name: "shop_app", file: `${FOLDER}/app.conf` },
    text: { content: "/stack/text" },
  });
  expect(moved.secrets).toEqual({ key: { name: "shop_key", file: `${FOLDER}/key` } });
});
