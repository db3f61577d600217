import { expect, test } from "vitest";
import { meaningOf } from "./cause.ts";

test("a cause that means more than its words is known", () => {
  expect(meaningOf("web-1 never became healthy; the previous container runs again")).toEqual({
    putBack: "done",
    registry: false,
  });
  expect(meaningOf("ghcr.io said: unauthorized: authentication required")).toEqual({
    putBack: undefined,
    registry: true,
  });
  expect(meaningOf("Docker Hub denies access to acme/app without credentials: correct its name").registry).toBe(true);
  expect(
    meaningOf("revision 3 failed: its healthcheck fails; the previous container (revision 2) runs again").putBack,
  ).toBe("done");
  expect(meaningOf("revision 3 failed: it ended; the previous container is started again").putBack).toBe("underWay");
  expect(meaningOf("buffer exited with code 1 six times")).toEqual({ putBack: undefined, registry: false });
  expect(meaningOf(undefined)).toEqual({ putBack: undefined, registry: false });
});
