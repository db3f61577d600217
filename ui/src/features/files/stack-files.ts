import type { SourceFile } from "@windflow/proto/client";
import { computed, markRaw, onScopeDispose, ref, shallowReactive, shallowRef, watch, type Ref } from "vue";
import { useApi } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";
import type { Draft } from "../stacks/draft.ts";
import { isBlank } from "../stacks/examples.ts";
import { isWithin } from "./file-tree.ts";
import { createHasher } from "./hash-file.ts";
import type { Picked } from "./picked.ts";
import { isComposeName, sortOut, type SortedOut } from "./sort-out.ts";
import { askStored, uploadFiles } from "./upload.ts";
import { placedAt, type WantedFile } from "./wanted-file.ts";

/** Files that arrived are put into the draft this often, so that a thousand small ones do not draw the page a thousand times. */
const LAND_EACH_MS = 300;
const ASKED_AT_ONCE = 5_000;

interface Travelling {
  path: string;
  file: File;
  mode: number;
  uid: number;
  gid: number;
  digest?: string;
}
export interface Progress {
  phase: "hashing" | "sending";
  name: string;
  doneBytes: number;
  totalBytes: number;
}
export interface Owner {
  mode: number;
  uid: number;
  gid: number;
}
export type StackFiles = ReturnType<typeof useStackFiles>;

/** The files of a draft that are no texts of the editor: takes picked ones in, brings them to the control plane, changes and removes them. */
export function useStackFiles(draft: Ref<Draft | undefined>) {
  const api = useApi();
  const session = useSession();
  const hasher = createHasher();
  /** Digest → bytes. */
  const sizes = shallowReactive(new Map<string, number>());
  /** Path → bytes that have arrived, of files on their way. */
  const arriving = shallowReactive(new Map<string, { bytes: number; total: number }>());
  const state = ref<"idle" | "working" | "failed">("idle");
  const error = shallowRef<unknown>();
  const progress = shallowRef<Progress>();
  const report = shallowRef<Pick<SortedOut, "refused" | "ignored"> & { added: number; cancelled: boolean }>();
  const asking = shallowRef<{ sorted: SortedOut; paths: string[] }>();
  let waiting: Travelling[] = [];
  let landed: SourceFile[] = [];
  let landing: ReturnType<typeof setTimeout> | undefined;
  let abort = new AbortController();

  /** Takes in what was picked. Texts that would replace others are asked about first (`asking`). */
  async function add(picked: Picked, wanted?: WantedFile): Promise<void> {
    if (draft.value === undefined) return;
    const has = { texts: Object.keys(draft.value.files).length, attachments: draft.value.attachments.length };
    const sorted = await sortOut(wanted === undefined ? picked : placedAt(picked, wanted), has, wanted !== undefined);
    const files = draft.value.files;
    const paths = Object.entries(sorted.texts)
      .filter(([path, text]) => path in files && files[path] !== text && !isBlank(files[path] ?? ""))
      .map(([path]) => path);
    if (paths.length > 0) asking.value = { sorted, paths };
    else take(sorted);
  }
  function take(sorted: SortedOut): void {
    const now = draft.value;
    if (now === undefined) return;
    asking.value = undefined;
    const texts = Object.keys(sorted.texts);
    const files = { ...now.files, ...sorted.texts };
    // The first compose file that is brought along takes the place of the empty one that a new stack begins with.
    if (texts.some(isComposeName))
      for (const [path, text] of Object.entries(files))
        if (!(path in sorted.texts) && isBlank(text)) delete files[path];
    const folders = sorted.emptyFolders.map((path) => ({ path, folder: true }));
    now.files = files;
    attach(folders, new Set([...texts, ...sorted.emptyFolders]));
    report.value = {
      refused: sorted.refused,
      ignored: sorted.ignored,
      added: texts.length + sorted.attachments.length,
      cancelled: false,
    };
    send(sorted.attachments.map((one) => ({ ...one, uid: 0, gid: 0 })));
  }
  function send(more: Travelling[]): void {
    const paths = new Set(more.map(({ path }) => path));
    waiting = [...waiting.filter(({ path }) => !paths.has(path)), ...more];
    for (const { path, file } of more) arriving.set(path, { bytes: 0, total: file.size });
    if (state.value !== "working" && waiting.length > 0) void work();
  }

  async function work(): Promise<void> {
    state.value = "working";
    error.value = undefined;
    abort = new AbortController();
    const { signal } = abort;
    try {
      while (waiting.length > 0) {
        const batch = [...waiting];
        await hashAll(batch, signal);
        await sendAll(batch, signal);
        land();
      }
      state.value = "idle";
    } catch (caught) {
      if (signal.aborted) return;
      error.value = caught;
      state.value = "failed";
    } finally {
      land();
      if (!signal.aborted) progress.value = undefined;
    }
  }
  async function hashAll(batch: Travelling[], signal: AbortSignal): Promise<void> {
    const totalBytes = batch.reduce((sum, { file }) => sum + file.size, 0);
    let before = 0;
    for (const one of batch) {
      const tell = (bytes: number): void =>
        void (progress.value = { phase: "hashing", name: one.path, doneBytes: before + bytes, totalBytes });
      tell(0);
      one.digest ??= await hasher.hash(one.file, tell, signal);
      before += one.file.size;
    }
  }
  async function sendAll(batch: Travelling[], signal: AbortSignal): Promise<void> {
    const byDigest = Map.groupBy(batch, ({ digest = "" }) => digest);
    const stored = new Map<string, number>();
    const totalBytes = [...byDigest.values()].reduce((sum, [one]) => sum + (one?.file.size ?? 0), 0);
    await uploadFiles(
      [...byDigest].map(([digest, [one]]) => ({ digest, blob: one!.file })),
      {
        api,
        organization: session.organization,
        signal,
        onStored: (digest, bytes, whole) => {
          stored.set(digest, bytes);
          const same = byDigest.get(digest) ?? [];
          for (const { path, file } of same) arriving.set(path, { bytes, total: file.size });
          const doneBytes = [...stored.values()].reduce((sum, some) => sum + some, 0);
          progress.value = { phase: "sending", name: same[0]?.path ?? "", doneBytes, totalBytes };
          if (whole) for (const one of same) arrived(one);
        },
      },
    );
  }
  function arrived(one: Travelling): void {
    const { path, file, mode, uid, gid, digest = "" } = one;
    // Removed or replaced while it was on its way.
    if (!waiting.includes(one)) return;
    waiting = waiting.filter((other) => other !== one);
    sizes.set(digest, file.size);
    landed.push({ path, digest, mode, uid, gid });
    landing ??= setTimeout(land, LAND_EACH_MS);
  }
  function land(): void {
    clearTimeout(landing);
    landing = undefined;
    if (landed.length === 0 || draft.value === undefined) return;
    const paths = new Set(landed.map(({ path = "" }) => path));
    const texts = Object.entries(draft.value.files).filter(([path]) => !paths.has(path));
    if (texts.length < Object.keys(draft.value.files).length) draft.value.files = Object.fromEntries(texts);
    attach(landed, paths);
    for (const path of paths) arriving.delete(path);
    landed = [];
  }
  function attach(more: readonly SourceFile[], inPlaceOf: ReadonlySet<string>): void {
    if (draft.value === undefined) return;
    const kept = draft.value.attachments.filter(({ path = "" }) => !inPlaceOf.has(path));
    draft.value.attachments = markRaw(
      [...kept, ...more].toSorted((a, b) => ((a.path ?? "") < (b.path ?? "") ? -1 : 1)),
    );
  }

  function cancel(): void {
    abort.abort(new DOMException("Cancelled", "AbortError"));
    waiting = [];
    arriving.clear();
    progress.value = undefined;
    error.value = undefined;
    state.value = "idle";
    report.value = { refused: [], ignored: 0, added: 0, cancelled: true };
    land();
  }
  /** Takes a file, or all that is in a folder, out of the stack. */
  function remove(path: string): void {
    const now = draft.value;
    if (now === undefined) return;
    waiting = waiting.filter((one) => !isWithin(one.path, path));
    for (const one of arriving.keys()) if (isWithin(one, path)) arriving.delete(one);
    now.files = Object.fromEntries(Object.entries(now.files).filter(([name]) => !isWithin(name, path)));
    now.attachments = markRaw(now.attachments.filter((one) => !isWithin(one.path ?? "", path)));
  }
  /** Another mode or owner; a text of the editor is uploaded for it, because texts are always 0644 and root's. */
  function own(path: string, owner: Owner): void {
    const now = draft.value;
    if (now === undefined) return;
    const text = now.files[path];
    if (text !== undefined) send([{ path, file: new File([text], path), ...owner }]);
    else now.attachments = markRaw(now.attachments.map((one) => (one.path === path ? { ...one, ...owner } : one)));
  }
  // Attachments of a stored revision come without their sizes.
  watch(
    () => draft.value?.attachments,
    async (attachments = []) => {
      const unknown = [...new Set(attachments.map(({ digest = "" }) => digest))].filter(
        (one) => one !== "" && !sizes.has(one),
      );
      const asked = { api, organization: session.organization, signal: new AbortController().signal };
      for (let at = 0; at < unknown.length; at += ASKED_AT_ONCE) {
        const found = await askStored(unknown.slice(at, at + ASKED_AT_ONCE), asked).catch(() => new Map());
        for (const [digest, { sizeBytes }] of found) sizes.set(digest, Number(sizeBytes ?? 0));
      }
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    abort.abort();
    clearTimeout(landing);
    hasher.close();
  });
  const busy = computed(() => state.value !== "idle");
  return { sizes, arriving, state, busy, error, progress, report, asking, add, take, cancel, remove, own, again: work };
}
