import { secretPlaceholder, type ComposeModel } from "@windflow/core";
import { expect, test } from "vitest";
import { acceptedModel, type Acceptance } from "./accept-model.ts";

const password = { name: "DB_PASSWORD", version: 1, value: "s3cret-text" };
const pin = { name: "PIN", version: 2, value: "42" };
const model = (services: object, more: object = {}): ComposeModel =>
  ({ name: "shop", services, ...more }) as unknown as ComposeModel;
const acceptance = (more: Partial<Acceptance>): Acceptance => ({
  base: model({}),
  found: model({}),
  steps: [],
  secrets: [password, pin],
  ownFolder: "/stack",
  ...more,
});
const step = (service: string) => ({
  op: "create-container",
  target: `container shop-${service}-1`,
  cause: "it differs",
  service,
});

test("only what differs is told by containers; the rest stays as it was written", () => {
  const base = model({ db: { image: "db:1", build: { context: "/stack" } }, web: { image: "web:1" } });
  const found = model({ db: { image: "db:1", user: "0" }, web: { image: "web:2", user: "9" } });
  const { model: accepted, notes } = acceptedModel(acceptance({ base, found, steps: [step("web")] }));
  expect(accepted.services).toEqual({ db: base.services["db"], web: { image: "web:2", user: "9" } });
  expect(notes).toEqual([]);
});

test("the text of a secret never comes into a model", () => {
  const environment = {
    URL: `postgres://app:${secretPlaceholder(password)}@db`,
    PIN: secretPlaceholder(pin),
    SIZE: "42",
    NEW: "x",
  };
  const base = model({ web: { image: "web:1", environment } });
  const texts = {
    URL: "postgres://app:s3cret-text@db",
    PIN: "42",
    SIZE: "42",
    NEW: "token s3cret-text end",
    PORT: "4242",
  };
  const found = model({ web: { image: "web:1", environment: texts, command: ["serve", "--pass=s3cret-text"] } });
  const { model: accepted } = acceptedModel(acceptance({ base, found, steps: [step("web")] }));
  expect(JSON.stringify(accepted)).not.toContain("s3cret-text");
  expect(accepted.services["web"]?.environment).toEqual({
    URL: environment.URL,
    PIN: environment.PIN,
    SIZE: "42",
    NEW: `token ${secretPlaceholder(password)} end`,
    PORT: "4242",
  });
});

test("what an engine does not tell is kept, and the stack's folder is not that of one host", () => {
  const base = model({
    web: {
      image: "web:1",
      build: { context: "/stack/web" },
      configs: [{ source: "site", target: "/site" }],
      volumes: [{ type: "bind", source: "/stack/html", target: "/html" }],
    },
  });
  const found = model({
    web: {
      image: "web:1",
      user: "33",
      volumes: [
        { type: "bind", source: "/var/lib/windflow/stacks/stk_1/html", target: "/html" },
        { type: "bind", source: "/srv/more", target: "/more" },
      ],
    },
  });
  const { model: accepted } = acceptedModel(acceptance({ base, found, steps: [step("web")] }));
  expect(accepted.services["web"]).toEqual({
    image: "web:1",
    user: "33",
    build: { context: "/stack/web" },
    configs: [{ source: "site", target: "/site" }],
    volumes: [
      { type: "bind", source: "/stack/html", target: "/html" },
      { type: "bind", source: "/srv/more", target: "/more" },
    ],
  });
});

test("a service without a container is left out by name, with what depends on it; one that somebody added is taken", () => {
  const base = model({
    db: { image: "db:1" },
    web: { image: "web:1", depends_on: { db: { condition: "service_started" } } },
  });
  const found = model(
    { web: { image: "web:1" }, extra: { image: "x:1" } },
    { volumes: { more: { name: "shop_more" } } },
  );
  const { model: accepted, notes } = acceptedModel(acceptance({ base, found, steps: [step("db"), step("")] }));
  expect(accepted).toEqual(
    model({ extra: { image: "x:1" }, web: { image: "web:1" } }, { volumes: { more: { name: "shop_more" } } }),
  );
  expect(notes.map(({ keyPath }) => keyPath)).toEqual(["services.db", ""]);
});
