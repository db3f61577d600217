import { defineErrors, type ErrorCode } from "../platform/index.ts";

export const windowsErrors: Record<WindowsCode, ErrorCode> = defineErrors({
  WF_WINDOW_LIMIT: {
    kind: "exhausted",
    title: "The organization has as many maintenance windows as it can have",
    fix: "Delete windows that are not used any more, or let one rule be about more hosts.",
  },
});

type WindowsCode = "WF_WINDOW_LIMIT";
