export { hostObserved } from "./events.ts";
export { storeObserved, type ObservedReport } from "./observe.ts";
export { readObservedHosts, readObservedStacks, type ObservedHost, type ObservedStackRow } from "./store-observed.ts";
