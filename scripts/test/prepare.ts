export async function prepareForTests(_needs: string[]): Promise<{ close(): Promise<void> }> {
  return { close: async () => undefined };
}
