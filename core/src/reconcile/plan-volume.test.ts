import { expect, test } from "vitest";
import type { DesiredStack } from "./desired.ts";
import { planNow, planText, running } from "./testing/plan-text.ts";
import { desiredWorld, service, stack, stranger } from "./testing/small-world.ts";

const web = service({ volumes: [{ type: "volume", source: "data", target: "/data" }] });

function wanted(driverOpts: Record<string, string>, extra: Partial<DesiredStack> = {}): DesiredStack {
  const { model: _model, ...rest } = extra;
  return stack({ web }, { ...rest, model: { volumes: { data: { name: "shop_data", driver_opts: driverOpts } } } });
}

test("a volume whose settings changed is kept with its data, and that is told", () => {
  expect(planText(running(wanted({})), [wanted({ type: "tmpfs" })])).toBe(
    `nothing to do
warning: volume shop_data was created with other settings: it is kept as it is, with its data`,
  );
});

test("one that may be made anew is, after everything that uses it is gone", () => {
  const engine = running(wanted({}));
  const next = wanted({ type: "tmpfs" }, { revision: 2, recreateVolumes: ["data"] });
  expect(planText(engine, [next])).toBe(
    `1. stop-container shop-web-1 [000000000002]: volume shop_data is made anew
2. remove-container shop-web-1 [000000000002]: volume shop_data is made anew (after 1)
3. remove-volume shop_data: its settings changed: it goes with its data, as was allowed (after 2)
4. create-volume shop_data: its settings changed (after 3)
5. create-container shop-web-1: volume shop_data is made anew (after 2, 4)
6. start-container shop-web-1: new container (after 5)
interruption of web for up to 11 s: its volume is made anew`,
  );
  engine.run(planNow(engine, [next]), desiredWorld(next));
  expect(planText(engine, [next])).toBe("nothing to do");
});

test("one that another uses, or that is external, is never removed", () => {
  const engine = running(wanted({}));
  const mounts = [{ type: "volume", name: "shop_data", destination: "/x", readWrite: true }];
  engine.change((world) => ({ ...world, containers: [...world.containers, stranger("other", { mounts })] }));
  const next = wanted({ type: "tmpfs" }, { recreateVolumes: ["data"] });
  expect(planText(engine, [next])).toContain(
    "it is kept as it is, with its data, as other, not of this stack, uses it",
  );
  const external = stack(
    { web },
    { recreateVolumes: ["data"], model: { volumes: { data: { name: "shop_data", external: true } } } },
  );
  expect(planText(engine, [external])).not.toContain("remove-volume");
});
