import { expect, test } from "vitest";
import { meaningOf } from "./cause.ts";

test("a cause that means more than its words is known", () => {
  expect(meaningOf("web-1 never became healthy; the previous container runs again")).toEqual({
    putBack: true,
    registry: false,
  });
  expect(meaningOf("ghcr.io said: unauthorized: authentication required")).toEqual({ putBack: false, registry: true });
  expect(meaningOf("buffer exited with code 1 six times")).toEqual({ putBack: false, registry: false });
  expect(meaningOf(undefined)).toEqual({ putBack: false, registry: false });
});
