/** What a colour says: fine, look at it, broken, under way, or nothing known or wanted. */
export type Tone = "ok" | "warn" | "bad" | "busy" | "idle";
