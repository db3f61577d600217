import { createRouter, createWebHistory, type RouteRecordRaw, type Router } from "vue-router";
import type { Session } from "./session.ts";

const routes: RouteRecordRaw[] = [
  {
    path: "/sign-in",
    name: "sign-in",
    component: () => import("../features/auth/sign-in-page.vue"),
    meta: { public: true },
  },
  {
    path: "/first-password",
    name: "first-password",
    component: () => import("../features/auth/first-password-page.vue"),
  },
  {
    path: "/",
    component: () => import("./shell.vue"),
    children: [
      { path: "", redirect: "/hosts" },
      { path: "hosts", name: "hosts", component: () => import("../features/hosts/hosts-page.vue") },
      { path: "hosts/add", name: "add-host", component: () => import("../features/hosts/add-host-page.vue") },
      { path: "hosts/waiting", name: "waiting-hosts", component: () => import("../features/hosts/waiting-page.vue") },
      {
        path: "hosts/:hostId/:tab?",
        name: "host",
        component: () => import("../features/hosts/host-page.vue"),
        props: true,
      },
      {
        path: "hosts/:hostId/containers/:containerId/:tab?",
        name: "container",
        component: () => import("../features/containers/container-page.vue"),
        props: true,
      },
      { path: "stacks", name: "stacks", component: () => import("../features/stacks/stacks-page.vue") },
      { path: "stacks/new", name: "new-stack", component: () => import("../features/stacks/new-stack-page.vue") },
      {
        path: "stacks/:stackId/edit",
        name: "edit-stack",
        component: () => import("../features/stacks/edit-stack-page.vue"),
        props: true,
      },
      {
        path: "stacks/:stackId/builds/:buildId",
        name: "build",
        component: () => import("../features/builds/build-page.vue"),
        props: true,
      },
      {
        path: "stacks/:stackId/:tab?",
        name: "stack",
        component: () => import("../features/stacks/stack-page.vue"),
        props: true,
      },
      { path: "rollouts", name: "rollouts", component: () => import("../features/rollouts/rollouts-page.vue") },
      {
        path: "rollouts/:rolloutId",
        name: "rollout",
        component: () => import("../features/rollouts/rollout-page.vue"),
        props: true,
      },
      { path: "updates", name: "updates", component: () => import("../features/updates/updates-page.vue") },
      { path: "updates/new", name: "new-update", component: () => import("../features/updates/start-update-page.vue") },
      {
        path: "updates/:updateId",
        name: "update",
        component: () => import("../features/updates/update-page.vue"),
        props: true,
      },
      { path: "links", name: "links", component: () => import("../features/links/links-page.vue") },
      { path: "windows", name: "windows", component: () => import("../features/windows/windows-page.vue") },
      { path: "containers", name: "containers", component: () => import("../features/containers/containers-page.vue") },
      { path: "drift", name: "drift", component: () => import("../features/drift/drift-page.vue") },
      // Not /metrics: that is what Prometheus reads.
      { path: "explore", name: "explore", component: () => import("../features/metrics/explorer-page.vue") },
      { path: "events", name: "events", component: () => import("../features/events/events-page.vue") },
      {
        path: "discovered",
        name: "discovered",
        component: () => import("../features/discovered/discovered-page.vue"),
      },
      {
        path: "discovered/:hostId/:project",
        name: "project",
        component: () => import("../features/discovered/project-page.vue"),
        props: true,
      },
      {
        path: "settings/registries",
        name: "registries",
        component: () => import("../features/registries/registries-page.vue"),
      },
      { path: "settings/tokens", name: "tokens", component: () => import("../features/tokens/tokens-page.vue") },
      { path: ":rest(.*)*", name: "not-found", component: () => import("./not-found-page.vue") },
    ],
  },
];

export function createAppRouter(session: Session): Router {
  const router = createRouter({
    history: createWebHistory(),
    routes,
    scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
  });
  router.beforeEach(async (to) => {
    if (session.state === "unknown") await session.load().catch(() => undefined);
    if (session.state !== "signed-in") {
      return to.meta["public"] === true ? true : { name: "sign-in", query: to.path === "/" ? {} : { to: to.fullPath } };
    }
    if (session.mustChangePassword) return to.name === "first-password" ? true : { name: "first-password" };
    return to.meta["public"] === true || to.name === "first-password" ? { path: "/" } : true;
  });
  return router;
}

/** Where to go after signing in: only a path of this application. */
export function pathAfterSignIn(wanted: unknown): string {
  return typeof wanted === "string" && wanted.startsWith("/") && !wanted.startsWith("//") && !wanted.includes("\\")
    ? wanted
    : "/";
}
