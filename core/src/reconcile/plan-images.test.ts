import { expect, test } from "vitest";
import type { DesiredStack, ResolvedImage } from "./desired.ts";
import { imageReferenceOf } from "./image-reference.ts";
import { applyPins, newPins, pinOf } from "./pins.ts";
import { createModelEngine } from "./testing/model-engine.ts";
import { planText, running } from "./testing/plan-text.ts";
import { desiredWorld, emptyWorld, imageId, service, stack } from "./testing/small-world.ts";

const built = service({ build: { context: "/stack" } });
delete built.image;

function resolved(reference: string, id = imageId(reference)): Record<string, ResolvedImage> {
  const delivered = {
    configDigest: id,
    configSizeBytes: 1,
    manifestDigest: "",
    layers: [],
    platform: "linux/amd64",
    tags: [reference],
  };
  return { [reference]: { ids: [id], delivered } };
}

test("what is built is known as written, or by the name that docker compose gives it", () => {
  expect(imageReferenceOf("shop", "web", { image: "app:1" })).toBe("app:1");
  expect(imageReferenceOf("shop", "web", { image: "app:1", build: {} })).toBe("app:1");
  expect(imageReferenceOf("shop", "web", { build: {} })).toBe("shop-web");
  expect(imageReferenceOf("shop", "web", {})).toBe("");
});

test("an image that was built is loaded, before anything is stopped", () => {
  const ports = [{ target: 80, published: "80" }];
  const engine = running(stack({ web: service({ ports }) }));
  const after = stack({ web: { ...built, ports } }, { revision: 2, images: resolved("shop-web") });
  const text = planText(engine, [after]);
  expect(text).toContain("1. load-image shop-web: not on the host, and built elsewhere\n");
  expect(text).toMatch(/stop-container shop-web-1 .* \(after 1, 2\)/);
  expect(text).not.toContain("pull-image");
  expect(planText(running(after), [after])).toBe("nothing to do");
});

test("a service whose image is not built is an error that says so, and its container stays", () => {
  const ports = [{ target: 80, published: "80" }];
  const error = "error: web: image shop-web is not built: build the stack, then deploy it";
  expect(planText(createModelEngine(emptyWorld()), [stack({ web: built })])).toContain(error);
  const engine = running(stack({ web: service({ ports }) }));
  expect(planText(engine, [stack({ web: { ...built, ports } }, { revision: 2 })])).toBe(`nothing to do\n${error}`);
});

test("a tag of that name on the host is not taken for what was built", () => {
  const image = { id: "sha256:other", tags: ["shop-web:latest"], digests: [], sizeBytes: 1 };
  const world = emptyWorld({ images: [image] });
  expect(newPins(world, desiredWorld(stack({ web: built })))).toEqual([]);
});

test("an adopted container pins the image that it was made from, wherever its tag points by now", () => {
  const engine = running(stack({ web: service() }));
  const observed = engine.world();
  const [container] = observed.containers.map((own) => ({
    ...own,
    image: "shop-web",
    imageId: "sha256:old",
    labels: { "com.docker.compose.project": "shop", "com.docker.compose.service": "web" },
  }));
  const adopting: DesiredStack = stack({ web: built }, { adopted: [container?.id ?? ""] });
  const world = { ...observed, containers: container ? [container] : [] };
  expect(newPins(world, desiredWorld(adopting))).toMatchObject([
    { reference: "shop-web", image: { ids: ["sha256:old"] } },
  ]);
});

test("an id that the engine gave a loaded image counts beside those of the revision", () => {
  const wanted = stack({ web: built }, { images: resolved("shop-web") });
  const pin = pinOf(wanted, "shop-web", { id: "sha256:own", digests: [] });
  const [pinned] = applyPins(desiredWorld(wanted), [pin]).stacks;
  expect(pinned?.images["shop-web"]).toMatchObject({ ids: [imageId("shop-web"), "sha256:own"], delivered: {} });
});
