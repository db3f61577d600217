import type { ApiClient, StreamItem, WatchEventsResponse } from "@windflow/proto/client";
import { ApiError } from "@windflow/proto/client";
import { createPinia, setActivePinia } from "pinia";
import { effectScope, nextTick } from "vue";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { asApiError } from "./api.ts";
import { followEvents, type StreamState, type WatchOptions } from "./event-stream.ts";
import { useFilterText } from "./filter-text.ts";
import { formatAgo, formatBytes, formatSpan, regional } from "./format.ts";
import { preferredLanguage } from "./i18n.ts";
import { queriesTouchedBy } from "./live.ts";
import { usePagedList } from "./paged-list.ts";
import { pathAfterSignIn } from "./router.ts";
import { useSession } from "./session.ts";
import { useThrottled } from "./throttle.ts";

const shown = (value: number, digits: number) => value.toLocaleString("en", { maximumFractionDigits: digits });
const words = (locale: string) => new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });

describe("formats", () => {
  test("of bytes, spans and ages", () => {
    expect([0, 1023, 1536, 8222982144].map((value) => formatBytes(value, shown))).toEqual([
      "0 B",
      "1,023 B",
      "1.5 KiB",
      "7.7 GiB",
    ]);
    expect([4, 75, 3_700, 200_000].map(formatSpan)).toEqual(["4 s", "1 min 15 s", "1 h 1 min", "2 d 7 h"]);
    expect([300, 7_200].map(formatSpan)).toEqual(["5 min", "2 h"]);
    const now = Date.parse("2026-11-22T12:00:00Z");
    expect(formatAgo("2026-11-22T11:57:00Z", now, words("en"))).toBe("3 min. ago");
    expect(formatAgo("2026-11-22T11:59:58Z", now, words("fr"))).toBe("maintenant");
    expect(formatAgo(undefined, now, words("en"))).toBe("–");
  });
});

test("numbers and times are written as where the browser is", () => {
  expect(regional("en", ["fr-CA", "en-GB"])).toBe("en-GB");
  expect(regional("fr", ["en-GB"])).toBe("fr");
});

describe("the language", () => {
  test("is the chosen one, else the browser's first that there is", () => {
    expect(preferredLanguage("fr", ["en"])).toBe("fr");
    expect(preferredLanguage(null, ["de-DE", "fr-CA", "en"])).toBe("fr");
    expect(preferredLanguage("xx", ["de"])).toBe("en");
  });
});

describe("the way after signing in", () => {
  test("never leads away from the application", () => {
    expect(
      ["/stacks?x=1", "//evil.example", "https://evil.example", "/\\evil", undefined].map(pathAfterSignIn),
    ).toEqual(["/stacks?x=1", "/", "/", "/", "/"]);
  });
});

describe("errors", () => {
  test("of the page itself are told as such", () => {
    expect(asApiError(new TypeError("x is undefined")).code).toBe("WF_UI");
    const known = new ApiError({ code: "WF_NOT_FOUND", detail: "gone" });
    expect(asApiError(known)).toBe(known);
  });
});

describe("the session", () => {
  beforeEach(() => setActivePinia(createPinia()));
  const me = {
    email: "a@b.c",
    memberships: [{ organizationId: "org_1", permissions: ["hosts.read"], environments: [{ id: "e" }] }],
  };

  test("knows what the caller may do, and ends when the control plane says so", async () => {
    const session = useSession();
    session.connect({ auth: { signIn: () => Promise.resolve({ me }) } } as unknown as ApiClient);
    await session.signIn("a@b.c", "secret");
    expect([session.state, session.organization, session.may("hosts.read"), session.may("hosts.write")]).toEqual([
      "signed-in",
      "org_1",
      true,
      false,
    ]);
    session.onApiError(new ApiError({ status: 401, detail: "expired" }));
    expect([session.state, session.may("hosts.read")]).toEqual(["signed-out", false]);
  });
  test("stays unknown when the control plane cannot be reached", async () => {
    const session = useSession();
    session.connect({
      auth: { getMe: () => Promise.reject(new ApiError({ status: 0, detail: "away" })) },
    } as unknown as ApiClient);
    await expect(session.load()).rejects.toThrow("away");
    expect(session.state).toBe("unknown");
  });
});

describe("changes", () => {
  test("make the queries stale that show them; a reset makes all", () => {
    expect(queriesTouchedBy([{ kind: "rollout" }, { kind: "rollout" }])).toEqual([
      "rollout-list",
      "stack",
      "stack-list",
    ]);
    expect(queriesTouchedBy([{ kind: "something new" }])).toEqual([]);
    expect(queriesTouchedBy([{ kind: "reset" }]).length).toBeGreaterThan(5);
  });
});

describe("the event stream", () => {
  afterEach(() => void vi.useRealTimers());

  test("is opened again after a break, resumes after the last event, and is not called live before it answers", async () => {
    vi.useFakeTimers();
    const asked: (string | undefined)[] = [];
    const abort = new AbortController();
    async function* watch({ lastEventId, onAlive }: WatchOptions): AsyncGenerator<StreamItem<WatchEventsResponse>> {
      asked.push(lastEventId);
      if (asked.length === 2) throw new Error("refused");
      onAlive();
      yield { id: String(asked.length), message: { kind: "host", id: `hst_${asked.length}` } };
      if (asked.length === 3) abort.abort();
      throw new Error("the connection broke");
    }
    const seen: WatchEventsResponse[] = [];
    const states: StreamState[] = [];
    const following = followEvents(
      { watch, organization: "org_1", onChange: (change) => seen.push(change), onState: (state) => states.push(state) },
      abort.signal,
    );
    await vi.runAllTimersAsync();
    await following;
    expect(asked).toEqual([undefined, "1", "1"]);
    expect(seen.map(({ id }) => id)).toEqual(["hst_1", "hst_3"]);
    expect(states).toEqual(["connecting", "live", "waiting", "connecting", "waiting", "connecting", "live"]);
  });
  test("that is silent for too long is taken for dead", async () => {
    vi.useFakeTimers();
    const abort = new AbortController();
    let opened = 0;
    async function* watch({ signal, onAlive }: WatchOptions): AsyncGenerator<StreamItem<WatchEventsResponse>> {
      opened += 1;
      onAlive();
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
      yield { id: undefined, message: {} };
    }
    const following = followEvents(
      { watch, organization: "org_1", onChange: () => undefined, onState: () => undefined },
      abort.signal,
    );
    await vi.advanceTimersByTimeAsync(40_000);
    expect(opened).toBe(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(opened).toBe(2);
    abort.abort();
    await following;
  });
});

describe("a paged list", () => {
  const all = Array.from({ length: 450 }, (_, index) => index);
  const read = (token: string | undefined, size: number) => {
    const from = Number(token ?? 0);
    const to = from + size;
    return Promise.resolve({
      rows: all.slice(from, to),
      nextPageToken: to < all.length ? String(to) : "",
      total: all.length,
    });
  };
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

  test("reads the next page when asked, all of them again on refresh, and no more than there is", async () => {
    const scope = effectScope();
    const list = scope.run(() => usePagedList(() => "", read))!;
    await settled();
    expect([list.rows.value.length, list.total.value, list.loading.value]).toEqual([200, 450, false]);
    await list.loadMore();
    await list.refresh();
    expect(list.rows.value).toHaveLength(400);
    await list.loadMore();
    await list.loadMore();
    expect(list.rows.value).toHaveLength(450);
    list.replace((row) => row === 3, 3000);
    expect(list.rows.value[3]).toBe(3000);
    scope.stop();
  });
  test("that has become long reads again only the pages that are seen, the others when they are", async () => {
    const scope = effectScope();
    const asked: (string | undefined)[] = [];
    let base = 0;
    const list = scope.run(() =>
      usePagedList(
        () => "",
        async (token, size) => {
          asked.push(token);
          const page = await read(token, size);
          return { ...page, rows: page.rows.map((row) => row + base) };
        },
      ),
    )!;
    await settled();
    await list.loadMore();
    await list.loadMore();
    list.see(210, 240);
    [base, asked.length] = [1_000, 0];
    await list.refreshSeen();
    expect(asked).toEqual(["200"]);
    expect([list.rows.value[0], list.rows.value[200], list.rows.value[400]]).toEqual([0, 1_200, 400]);
    list.see(0, 20);
    await settled();
    expect([asked, list.rows.value[0], list.rows.value.length]).toEqual([["200", undefined], 1_000, 450]);
    list.see(0, 30);
    expect(asked).toHaveLength(2);
    scope.stop();
  });
  test("shows a row once that has moved to a page that was read since", async () => {
    const scope = effectScope();
    let order = ["a", "b", "c", "d"];
    const list = scope.run(() =>
      usePagedList(
        () => "",
        (token) => {
          const from = Number(token ?? 0);
          return Promise.resolve({ rows: order.slice(from, from + 2), nextPageToken: from === 0 ? "2" : "", total: 4 });
        },
        (row) => row,
      ),
    )!;
    await settled();
    await list.loadMore();
    list.see(0, 1);
    order = ["d", "a", "b", "c"];
    await list.refreshSeen();
    expect(list.rows.value).toEqual(["d", "a", "c"]);
    scope.stop();
  });
  test("keeps what it has when a read fails, and says why", async () => {
    const scope = effectScope();
    let broken = false;
    const list = scope.run(() =>
      usePagedList(
        () => "",
        (token, size) => (broken ? Promise.reject(new Error("away")) : read(token, size)),
      ),
    )!;
    await settled();
    broken = true;
    await list.refresh();
    expect([list.rows.value.length, (list.error.value as Error).message]).toEqual([200, "away"]);
    scope.stop();
  });
});

describe("throttling", () => {
  test("acts at once and never loses the last call", () => {
    vi.useFakeTimers();
    let count = 0;
    const scope = effectScope();
    const act = scope.run(() => useThrottled(() => (count += 1), 1_000))!;
    for (let call = 0; call < 5; call += 1) act();
    expect(count).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(count).toBe(2);
    vi.advanceTimersByTime(5_000);
    expect(count).toBe(2);
    scope.stop();
    vi.useRealTimers();
  });
});

test("what is typed into a filter is asked for once, trimmed, when typing has paused", async () => {
  vi.useFakeTimers();
  const scope = effectScope();
  const { text, filter } = scope.run(() => useFilterText("web"))!;
  expect([text.value, filter.value]).toEqual(["web", "web"]);
  for (const typed of ["sh", "shop "]) {
    text.value = typed;
    await nextTick();
    vi.advanceTimersByTime(150);
    expect(filter.value).toBe("web");
  }
  vi.advanceTimersByTime(50);
  expect(filter.value).toBe("shop");
  scope.stop();
  vi.useRealTimers();
});
