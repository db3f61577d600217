import { defineErrors, type ErrorCode } from "../platform/index.ts";

export const linksErrors: Record<LinksCode, ErrorCode> = defineErrors({
  WF_LINK_PROFILE_LIMIT: {
    kind: "exhausted",
    title: "The organization has as many link profiles as it can have",
    fix: "Delete profiles that no host follows any more, or let one be about more hosts.",
  },
});

type LinksCode = "WF_LINK_PROFILE_LIMIT";
