/**
 * Where rows that are seen are drawn: one that stays keeps its place, one that comes takes the place of one that left. Drawing a row
 * anew in what is there costs a fraction of taking one apart and making another.
 */
export function makePlaces(): (keys: readonly string[]) => number[] {
  let places = new Map<string, number>();
  let made = 0;
  return (keys) => {
    const seen = new Set(keys);
    const free = [...places].flatMap(([key, place]) => (seen.has(key) ? [] : [place])).reverse();
    places = new Map(keys.map((key) => [key, places.get(key) ?? free.pop() ?? (made += 1)]));
    return keys.map((key) => places.get(key) ?? 0);
  };
}
