export { startTestApp, TEST_ADMIN, type TestApp, type TestAppOptions } from "./app.ts";
export { startTestDatabase, type TestDatabase } from "./database.ts";
export { createTestClient, type TestClient, type TestResponse } from "./rest.ts";
