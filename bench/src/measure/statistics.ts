/** Middle value; the mean of the two in the middle for an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Slope of log(y) over log(x) by least squares: 1 means linear growth. */
export function growthExponent(points: readonly { x: number; y: number }[]): number {
  const logs = points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }));
  const mean = (pick: (point: { x: number; y: number }) => number): number =>
    logs.reduce((total, point) => total + pick(point), 0) / logs.length;
  const meanX = mean((point) => point.x);
  const meanY = mean((point) => point.y);
  const covariance = logs.reduce((total, point) => total + (point.x - meanX) * (point.y - meanY), 0);
  const variance = logs.reduce((total, point) => total + (point.x - meanX) ** 2, 0);
  return covariance / variance;
}
