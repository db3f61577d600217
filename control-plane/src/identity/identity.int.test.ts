import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestDoors, DOORS_ADMIN, type TestDoors } from "../testing/doors.ts";
import type { TestResponse } from "../testing/index.ts";
import { sql } from "kysely";

let doors: TestDoors;
let origin: string;
let cookie = "";
const NEXT_PASSWORD = "correct horse battery";

beforeAll(async () => {
  doors = await startTestDoors({ register: () => undefined });
  origin = `https://127.0.0.1:${doors.port}`;
});
afterAll(async () => {
  await doors?.stop();
});

/** As a browser sends it: no token, the page's origin, the cookie. */
const browse = (
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string | undefined> = {},
): Promise<TestResponse> =>
  doors.rest.call(method, path, body, {
    authorization: undefined,
    host: `127.0.0.1:${doors.port}`,
    ...(method === "GET" ? {} : { origin }),
    ...(cookie === "" ? {} : { cookie }),
    ...headers,
  });
const signIn = (password: string, headers: Record<string, string | undefined> = {}): Promise<TestResponse> =>
  browse("POST", "/v1/auth:signIn", { email: DOORS_ADMIN.toUpperCase(), password }, { cookie: undefined, ...headers });
const cookieFrom = (answer: TestResponse): string => String(answer.headers["set-cookie"]?.[0]).split(";")[0] ?? "";

describe("the first sign-in", () => {
  test("a wrong password and an unknown address are answered alike", async () => {
    const wrong = await signIn("not the password");
    const unknown = await browse("POST", "/v1/auth:signIn", { email: "nobody@windflow.test", password: "x" });
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    const withoutId = (answer: TestResponse) => ({ ...(answer.json as object), requestId: "" });
    expect(withoutId(wrong)).toEqual(withoutId(unknown));
  });

  test("sets a cookie that only this host over TLS gets, and that no script reads", async () => {
    const answer = await signIn(doors.firstPassword);
    expect(answer.json).toMatchObject({ me: { email: DOORS_ADMIN, mustChangePassword: true } });
    const header = String(answer.headers["set-cookie"]?.[0]);
    expect(header).toMatch(/^__Host-windflow=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict; Expires=/);
    cookie = cookieFrom(answer);
  });

  test("allows nothing but changing the password", async () => {
    expect(await browse("GET", "/v1/organizations/default/apiTokens")).toMatchObject({
      status: 403,
      json: { code: "WF_PASSWORD_CHANGE_REQUIRED" },
    });
    expect(await browse("GET", "/v1/auth/me")).toMatchObject({ json: { mustChangePassword: true } });
    const refused = (next: string) =>
      browse("POST", "/v1/auth:changePassword", { currentPassword: doors.firstPassword, newPassword: next });
    expect((await refused(`my ${DOORS_ADMIN}`)).json).toMatchObject({ code: "WF_PASSWORD_REFUSED" });
    expect((await refused("short")).json).toMatchObject({ code: "WF_INVALID_ARGUMENT" });
  });

  test("a changed password ends the other sessions and keeps this one", async () => {
    const other = cookieFrom(await signIn(doors.firstPassword));
    const changed = await browse("POST", "/v1/auth:changePassword", {
      currentPassword: doors.firstPassword,
      newPassword: NEXT_PASSWORD,
    });
    expect(changed.status).toBe(200);
    expect((await browse("GET", "/v1/auth/me", undefined, { cookie: other })).status).toBe(401);
    expect(await browse("GET", "/v1/auth/me")).toMatchObject({ status: 200, json: { mustChangePassword: false } });
    expect((await signIn(doors.firstPassword)).status).toBe(401);
  });
});

test("a session's secret is no bearer token, nor the other way round", async () => {
  const secret = cookie.split("=")[1] ?? "";
  expect((await browse("GET", "/v1/auth/me")).status).toBe(200);
  const asBearer = await doors.rest.call("GET", "/v1/auth/me", undefined, { authorization: `Bearer ${secret}` });
  expect(asBearer.status).toBe(401);
  expect((await browse("GET", "/v1/auth/me", undefined, { cookie: `__Host-windflow=${doors.token}` })).status).toBe(
    401,
  );
});

describe("another site", () => {
  const create = (headers: Record<string, string | undefined>) =>
    browse("POST", "/v1/organizations/default/apiTokens", { name: "x", permissions: ["hosts.read"] }, headers);

  test("cannot write with the cookie", async () => {
    expect((await create({ origin: "https://evil.example" })).json).toMatchObject({ code: "WF_ORIGIN_REFUSED" });
    expect((await create({ origin: "null" })).status).toBe(403);
    expect((await create({ origin: origin.replace("https", "http") })).status).toBe(403);
    expect((await create({ origin: undefined })).status).toBe(403);
    expect((await create({ "content-type": "text/plain" })).status).toBe(400);
    expect((await create({})).status).toBe(200);
  });

  test("cannot read with the cookie, nor sign somebody in", async () => {
    expect((await browse("GET", "/v1/auth/me", undefined, { "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await signIn(NEXT_PASSWORD, { origin: "https://evil.example" })).status).toBe(403);
  });
});

describe("API tokens", () => {
  test("are stored as a digest only, shown by their first characters, and end when revoked", async () => {
    const made = await browse("POST", "/v1/organizations/default/apiTokens", {
      name: "ci",
      permissions: ["apiTokens.read"],
      expiresInDays: 1,
    });
    const { secret, token } = made.json as { secret: string; token: { id: string; prefix: string } };
    expect(token.prefix).toBe(secret.slice(0, 10));
    const stored = await doors.platform.database.asSystem((tx) => sql`SELECT * FROM api_tokens`.execute(tx.queries));
    expect(JSON.stringify(stored.rows)).not.toContain(secret.slice(10));
    const list = () =>
      doors.rest.call("GET", "/v1/organizations/default/apiTokens", undefined, { authorization: `Bearer ${secret}` });
    expect((await list()).status).toBe(200);
    await browse("POST", `/v1/organizations/default/apiTokens/${token.id}:revoke`, {});
    expect((await list()).status).toBe(401);
    await browse("POST", "/v1/organizations/default/apiTokens/tok_unknown:revoke", {}).then((answer) =>
      expect(answer.status).toBe(404),
    );
  });

  test("an expired one is refused", async () => {
    const made = await browse("POST", "/v1/organizations/default/apiTokens", {
      name: "old",
      permissions: ["apiTokens.read"],
    });
    const { secret, token } = made.json as { secret: string; token: { id: string } };
    await doors.platform.database.asSystem((tx) =>
      sql`UPDATE api_tokens SET expires_at = now() - interval '1 second' WHERE id = ${token.id}`.execute(tx.queries),
    );
    const answer = await doors.rest.call("GET", "/v1/auth/me", undefined, { authorization: `Bearer ${secret}` });
    expect(answer.status).toBe(401);
  });

  test("a page's token goes on where the page ended, and only in this list", async () => {
    const names: string[] = [];
    let next = "";
    do {
      const query = `page.size=2${next === "" ? "" : `&page.token=${next}`}`;
      const answer = await browse("GET", `/v1/organizations/default/apiTokens?${query}`);
      const page = answer.json as { tokens: { name: string }[]; nextPageToken: string };
      names.push(...page.tokens.map((token) => token.name));
      next = page.nextPageToken;
    } while (next !== "");
    expect(names).toEqual(["old", "ci", "x", "test"]);
    expect((await browse("GET", "/v1/organizations/default/apiTokens?page.token=abc")).status).toBe(400);
  });

  test("cannot change the password", async () => {
    const answer = await doors.rest.call("POST", "/v1/auth:changePassword", {
      currentPassword: "x",
      newPassword: "x".repeat(12),
    });
    expect(answer.status).toBe(403);
  });
});

describe("sign-in attempts", () => {
  test("are limited for an account from an address, and the account stays open to others", async () => {
    const attempts = await Promise.all(
      Array.from({ length: 12 }, () =>
        browse("POST", "/v1/auth:signIn", { email: "guess@windflow.test", password: "x" }),
      ),
    );
    expect(attempts.filter((answer) => answer.status === 429)).toHaveLength(2);
    expect((await signIn(NEXT_PASSWORD)).status).toBe(200);
  });

  test("with a one-time password end after 24 hours; the terminal gives a new one", async () => {
    const first = await doors.identity.firstStart.resetPassword(DOORS_ADMIN);
    expect((await browse("GET", "/v1/auth/me")).status).toBe(401);
    await doors.platform.database.asSystem((tx) =>
      sql`UPDATE users SET password_expires_at = now()`.execute(tx.queries),
    );
    expect((await signIn(first.password)).json).toMatchObject({ code: "WF_FIRST_PASSWORD_EXPIRED" });
    const second = await doors.identity.firstStart.resetPassword(DOORS_ADMIN);
    expect((await signIn(second.password)).status).toBe(200);
  });
});

test("signing out ends the session and clears the cookie", async () => {
  const first = await doors.identity.firstStart.resetPassword(DOORS_ADMIN);
  cookie = cookieFrom(await signIn(first.password));
  const answer = await browse("POST", "/v1/auth:signOut", {});
  expect(answer.headers["set-cookie"]?.[0]).toContain("Max-Age=0");
  expect((await browse("GET", "/v1/auth/me")).status).toBe(401);
});
