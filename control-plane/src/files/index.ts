export type { TravellingFile } from "./model.ts";
