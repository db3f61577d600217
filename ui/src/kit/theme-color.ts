/** The colour that a custom property has under the present theme, for canvases, which know no light-dark(). */
export function themeColor(property: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** So many colours can be told apart, and are there. */
export const SERIES_COLORS = 8;

export function seriesColor(index: number, opacity = 1): string {
  const color = themeColor(`--series-${(index % SERIES_COLORS) + 1}`);
  return opacity === 1 ? color : color.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`);
}
