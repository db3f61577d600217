import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { completeCompose } from "./compose-completion.ts";
import { pathAbove } from "./compose-keys.ts";
import { draftOf, fileOf, filePathFault, sourceOf } from "./draft.ts";
import { HELLO_EXAMPLE } from "./examples.ts";
import { changedVolumes, downtimes, remarksOf, servicesToBuild, stepTone } from "./plan-meaning.ts";
import { bytesOf, gibOf, isPlain } from "./placement-fields.ts";
import { healed, unhealed, withHeal } from "./policy.ts";
import { imagesOf } from "./revision-text.ts";
import { countPlan } from "./rollout-plan-counts.ts";
import { diffLines } from "./unified-diff.ts";
import { hostLines, stackHostRows } from "./stack-host-rows.ts";

/** Names offered at the "|" of a text. */
function offered(text: string, explicit = true): string[] {
  const at = text.indexOf("|");
  const state = EditorState.create({ doc: text.replace("|", "") });
  return (completeCompose(new CompletionContext(state, at, explicit))?.options ?? []).map(({ label }) => label);
}

describe("completion in a compose file", () => {
  test("offers the keys of the place", () => {
    expect(offered("ser|")).toContain("services");
    expect(offered("services:\n  web:\n    im|")).toContain("healthcheck");
    expect(offered("services:\n  web:\n    healthcheck:\n      te|")).toContain("interval");
    expect(offered("services:\n  web:\n    depends_on:\n      db:\n        c|")).toContain("condition");
    expect(offered("services:\n  web:\n    deploy:\n      resources:\n        limits:\n          c|")).toContain(
      "cpus",
    );
    expect(offered("volumes:\n  data:\n    dr|")).toContain("driver");
  });
  test("offers the values of keys that know only a few", () => {
    expect(offered("services:\n  web:\n    restart: un|")).toEqual(["no", "always", "on-failure", "unless-stopped"]);
    expect(offered("services:\n  web:\n    image: ng|")).toEqual([]);
  });
  test("offers nothing where names are one's own, nor unasked on an empty line", () => {
    expect(offered("services:\n  we|")).toEqual([]);
    expect(offered("services:\n  web:\n    |", false)).toEqual([]);
  });
  test("knows the keys above a line by their indentation", () => {
    const lines = [
      "services:",
      "  web:",
      "    image: a",
      "    # note: no key",
      "    ports:",
      "      - 80:80",
      "  db:",
      "    ",
    ];
    expect(pathAbove(lines, 7, 4)).toEqual(["services", "db"]);
  });
});

describe("a draft", () => {
  test("begins with the text when there is no revision, and keeps a revision's own", () => {
    expect(draftOf(undefined, "x").files).toEqual({ "compose.yaml": "x" });
    expect(draftOf({ files: { "a.yml": "1" }, composeFiles: ["a.yml"] }, "x").files).toEqual({ "a.yml": "1" });
  });
  test("is sent without nameless variables and without compose files that are gone", () => {
    const draft = draftOf(
      {
        files: { "a.yml": "1" },
        composeFiles: ["a.yml", "gone.yml"],
        variables: [
          { name: "", value: "x" },
          { name: "A", value: "", secret: true },
        ],
      },
      "",
    );
    expect(sourceOf(draft)).toMatchObject({ composeFiles: ["a.yml"], variables: [{ name: "A", secret: true }] });
  });
  test("refuses paths that leave the stack", () => {
    const files = { "a.env": "" };
    expect(["", "a.env", "/etc/x", "../x", "a//b", "conf/b.env"].map((path) => filePathFault(path, files))).toEqual([
      "empty",
      "exists",
      "outside",
      "outside",
      "outside",
      undefined,
    ]);
  });
  test("shows a problem in its file, or in the first when it names none", () => {
    expect(fileOf({ file: "/b" }, { a: "", b: "" })).toBe("b");
    expect(fileOf({}, { a: "", b: "" })).toBe("a");
  });
});

describe("the images of a revision", () => {
  test("stand with what it is pinned to, and those that were built", () => {
    const model = { name: "shop", services: { web: { image: "nginx:1" }, api: {}, db: { image: "postgres" } } };
    const imageDigests = { "nginx:1": "sha256:1", "shop-api": "sha256:2" };
    expect(imagesOf({ model, imageDigests, builtServices: ["api"] })).toEqual([
      { name: "api", digest: "sha256:2", built: true },
      { name: "nginx:1", digest: "sha256:1", built: false },
      { name: "postgres", digest: "", built: false },
    ]);
  });
});

describe("what a plan asks of a person", () => {
  test("services that have to be built, once each", () => {
    const problem = (keyPath: string) => ({ code: "WF_BUILD_NEEDED", keyPath });
    expect(
      servicesToBuild([
        problem("services.web.build"),
        problem("services.web"),
        problem("services.a.b.build.context"),
        { code: "WF_X", keyPath: "services.db" },
      ]),
    ).toEqual(["web", "a.b"]);
  });
  test("volumes that may only go with a yes, by the name that they have on the hosts", () => {
    const kept = (name: string) =>
      `warning: volume ${name} was created with other settings: it is kept as it is, with its data`;
    const hosts = [
      { text: `1. create-container shop-web-1: missing\n${kept("shop_data")}` },
      {
        text: `nothing to do\n${kept("shop_data")}\n${kept("shop_logs")}, as another stack uses it\nerror: web: no image`,
      },
    ];
    const model = { volumes: { data: { name: "shop_data" }, logs: { name: "shop_logs" }, other: null } };
    expect(changedVolumes(hosts, model)).toEqual([{ key: "data", name: "shop_data" }]);
    expect(remarksOf(hosts[1]!).map(({ severity }) => severity)).toEqual(["warning", "warning", "error"]);
    expect(changedVolumes([], model)).toEqual([]);
  });
  test("the worst downtime of each service over all hosts", () => {
    const hosts = [{ expectedDowntimeSeconds: { db: 4, web: 0 } }, { expectedDowntimeSeconds: { db: 6, api: 9 } }, {}];
    expect(downtimes(hosts)).toEqual([
      ["api", 9],
      ["db", 6],
    ]);
  });
  test("the kind of each step is seen at a glance", () => {
    const ops = [
      "load-image",
      "pull-image",
      "run-hook",
      "wait",
      "remove-container",
      "recreate-volume",
      "rename-container",
    ];
    expect(ops.map((op) => stepTone({ op }))).toEqual(["ok", "ok", "busy", "busy", "bad", "bad", "warn"]);
  });
});

test("the example is valid YAML with two services", () => {
  expect(Object.keys((parse(HELLO_EXAMPLE.text) as { services: object }).services)).toEqual(["web", "counter"]);
});

describe("a unified diff", () => {
  test("has its lines with their numbers on both sides", () => {
    const unified =
      "--- a/x\n+++ b/x\n@@ -3,3 +3,3 @@\n same\n-old\n+new\n--- not a header\n\\ No newline at end of file\n";
    expect(diffLines(unified).map(({ kind, text, before, after }) => [kind, text, before, after])).toEqual([
      ["place", "@@ -3,3 +3,3 @@", undefined, undefined],
      ["same", "same", 3, 3],
      ["removed", "old", 4, undefined],
      ["added", "new", undefined, 4],
      ["removed", "-- not a header", 5, undefined],
    ]);
  });
});

describe("the plan of a rollout", () => {
  test("is counted over all waves", () => {
    const plan = (expectedDowntimeSeconds: Record<string, number>) => ({
      steps: [{ op: "x" }, { op: "y" }],
      expectedDowntimeSeconds,
    });
    expect(
      countPlan({
        waves: [
          {
            hosts: [
              { hostId: "a", plan: plan({ web: 2 }) },
              { hostId: "b", notReached: "since 14:02" },
            ],
          },
          {
            hosts: [
              { hostId: "c", plan: plan({ web: 5 }), conflicts: ["port 80"], windowOpensAt: "2026-01-01T00:00:00Z" },
            ],
          },
        ],
      }),
    ).toEqual({ hosts: 3, steps: 4, unreached: 1, conflicts: 1, outside: 1, downtime: 5 });
  });
});

describe("the policy of a stack", () => {
  test("has a rule for each service at most, the rule for all others last", () => {
    const policy = withHeal(withHeal(withHeal({}, "*", { action: "ACTION_ALERT" }), "web", {}), "db", {});
    expect(healed(policy).map(([service]) => service)).toEqual(["db", "web", "*"]);
    expect(unhealed(policy, ["web", "cache", "db"])).toEqual(["cache"]);
    expect(healed(withHeal(policy, "*", undefined)).map(([service]) => service)).toEqual(["db", "web"]);
  });
});

describe("the fields of a placement", () => {
  test("bytes are shown in GiB and sent as 64-bit numbers", () => {
    expect([gibOf("0"), gibOf(undefined), gibOf("1610612736"), bytesOf(1.5), bytesOf(undefined)]).toEqual([
      undefined,
      undefined,
      1.5,
      "1610612736",
      "0",
    ]);
  });
  test("a placement that says more than which hosts is not plain", () => {
    expect(isPlain({ allHosts: true, constraints: { freeMemoryBytes: "0" } })).toBe(true);
    expect(isPlain({ constraints: { freeDiskBytes: "1" } })).toBe(false);
    expect(isPlain({ strategy: "PLACEMENT_STRATEGY_SPREAD" })).toBe(false);
    expect(isPlain({ expressions: [{ key: "site" }] })).toBe(false);
  });
});

describe("the hosts of a stack", () => {
  const hosts = [
    { hostId: "1", hostName: "b", state: "SERVICE_STATE_RUNNING" as const },
    {
      hostId: "2",
      hostName: "a",
      state: "SERVICE_STATE_CRASH_LOOPING" as const,
      services: [{ service: "web", cause: "exited with 1", state: "SERVICE_STATE_CRASH_LOOPING" as const }],
    },
    { hostId: "3", hostName: "c", state: "SERVICE_STATE_RUNNING" as const, heldRevision: 4 },
    {
      hostId: "4",
      hostName: "d",
      state: "SERVICE_STATE_UNKNOWN" as const,
      cause: "not reached since 14:02",
      drift: ["create-network x"],
    },
  ];
  test("what is not well comes first, and is found by state, name, hold and drift", () => {
    const names = (group: Parameters<typeof stackHostRows>[1], text = ""): string =>
      stackHostRows(hosts, group, text)
        .map(({ hostName }) => hostName)
        .join("");
    expect([names("all"), names("bad"), names("held"), names("drifted"), names("all", "C")]).toEqual([
      "adbc",
      "a",
      "c",
      "d",
      "c",
    ]);
  });
  test("a host says its cause, or that of its worst service", () => {
    expect(hosts.map(hostLines)).toEqual(["", "web: exited with 1", "", "not reached since 14:02"]);
  });
});
