import { type DesiredStack, type ImageStanding, indexWorld, type ObservedWorld, resolveImage } from "@windflow/core";
import { type PlatformImage, StackBody } from "@windflow/proto/agent";
import { expect, test } from "vitest";
import { stackBody } from "../testing/stack-body.ts";
import { desiredStack } from "./desired-world.ts";

const INDEX = `sha256:${"a".repeat(64)}`;
const OWN = `sha256:${"b".repeat(64)}`;
const platform = (name: string, manifestDigest: string): PlatformImage => ({
  platform: name,
  manifestDigest,
  configDigest: "",
  layers: [],
  configSizeBytes: 0n,
});
const stackWith = (...platforms: PlatformImage[]): DesiredStack => {
  const body = StackBody.decode(stackBody({ service: { image: "r.example.com:5000/app:1" } }));
  const images = [{ reference: "r.example.com:5000/app:1", platforms }];
  return desiredStack({ ...body, images }, "sha256:body", { platform: "linux/arm64", stacksDir: "/stacks" });
};

function standing(stack: DesiredStack, images: ObservedWorld["images"]): ImageStanding {
  const engine = {
    id: "",
    name: "",
    version: "",
    apiVersion: "",
    operatingSystem: "",
    architecture: "",
    storageDriver: "",
  };
  const world = { observedAt: 0, engine, containers: [], networks: [], volumes: [], images };
  const index = indexWorld(world, { organizationId: "org_1", generation: "1.1", stacks: [stack] });
  const { web } = stack.model.services;
  if (web === undefined) throw new Error("the stack has no web");
  return resolveImage(index, stack, "web", web);
}

test("a digest that holds for every platform is pulled by; one for the own platform goes before it", () => {
  expect(stackWith(platform("", INDEX)).images).toEqual({
    "r.example.com:5000/app:1": { ids: [INDEX], pullFrom: `r.example.com:5000/app@${INDEX}` },
  });
  const both = stackWith(platform("linux/amd64", INDEX), platform("", INDEX), platform("linux/arm64", OWN));
  expect(both.images["r.example.com:5000/app:1"]).toMatchObject({ pullFrom: `r.example.com:5000/app@${OWN}` });
  expect(stackWith(platform("linux/amd64", INDEX)).images["r.example.com:5000/app:1"]).toBeUndefined();
});

test("a host that has the image under that digest has nothing to pull, wherever its tag points", () => {
  const stack = stackWith(platform("", INDEX));
  const own = { id: OWN, tags: [], digests: [`r.example.com:5000/app@${INDEX}`], sizeBytes: 1 };
  const moved = { id: `sha256:${"c".repeat(64)}`, tags: ["r.example.com:5000/app:1"], digests: [], sizeBytes: 1 };
  expect(standing(stack, [moved, own])).toMatchObject({ kind: "present", imageId: OWN });
  const pullFrom = `r.example.com:5000/app@${INDEX}`;
  expect(standing(stack, [moved])).toMatchObject({ kind: "absent", pullFrom });
});
