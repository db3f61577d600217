import type { SavedView } from "@windflow/proto/client";

/** What a list shows, as far as a view keeps it. */
export interface ViewState {
  filter: string;
  orderBy: string;
  groupBy: string;
}

const plain = (text: string): string => text.trim().replaceAll(/\s+/g, " ");

/** The view that the list shows as it is now; one's own before others'. */
export function currentView(views: readonly SavedView[], state: ViewState): SavedView | undefined {
  const fits = views.filter(
    (view) =>
      plain(view.filter ?? "") === plain(state.filter) &&
      (view.orderBy || "name") === (state.orderBy || "name") &&
      (view.groupBy ?? "") === state.groupBy,
  );
  return fits.find((view) => view.own) ?? fits[0];
}

/** One's own first, then those of others, each by name. */
export function sortedViews(views: readonly SavedView[]): { own: SavedView[]; others: SavedView[] } {
  const byName = views.toSorted((a, b) => (a.name ?? "").localeCompare(b.name ?? ""));
  return { own: byName.filter((view) => view.own), others: byName.filter((view) => !view.own) };
}
