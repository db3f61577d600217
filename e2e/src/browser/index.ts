// The browser and what it is shown, for benchmarks.
export { builtUi } from "./built-ui.ts";
export { type FixtureServer, startFixtureServer } from "./fixture-server.ts";
export { p95, takeLongTasks, timed, watchLongTasks } from "./large-fleet.ts";
export { type BrowserPage, openBrowserHere } from "./pages.ts";
