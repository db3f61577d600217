/** A file as it was dropped or picked: its path below what was picked, with "/". */
export interface PickedFile {
  path: string;
  file: File;
}
export interface Picked {
  files: PickedFile[];
  /** Folders in which nothing is; all others follow from their files. */
  emptyFolders: string[];
}

/** What an <input type=file> was given, with or without webkitdirectory. */
export function pickedFrom(list: Iterable<File>): Picked {
  return { files: [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file })), emptyFolders: [] };
}

/** What was dropped. The entries must be taken while the event is handled; they are read afterwards. */
export function entriesOf(items: DataTransferItemList): FileSystemEntry[] {
  return [...items].flatMap((item) => item.webkitGetAsEntry() ?? []);
}
export async function pickedFromEntries(entries: readonly FileSystemEntry[]): Promise<Picked> {
  const picked: Picked = { files: [], emptyFolders: [] };
  for (const entry of entries) await walk(entry, picked);
  return picked;
}
async function walk(entry: FileSystemEntry, into: Picked): Promise<void> {
  const path = entry.fullPath.replace(/^\/+/, "");
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    into.files.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  let found = 0;
  // A browser hands over a hundred at a time, and then none.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    found += some.length;
    for (const inner of some) await walk(inner, into);
  }
  if (found === 0) into.emptyFolders.push(path);
}
