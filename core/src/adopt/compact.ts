/** The object without the members that are undefined. */
export function compact<T>(members: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

/** undefined for a list without items. */
export function filled<Item>(items: Item[]): Item[] | undefined {
  return items.length === 0 ? undefined : items;
}

/** undefined for a map without members. */
export function filledMap<Value>(map: Readonly<Record<string, Value>>): Record<string, Value> | undefined {
  return Object.keys(map).length === 0 ? undefined : { ...map };
}
