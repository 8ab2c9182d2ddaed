/** Resolves with the promise, whose result nobody needs, or after so many ms without it. Keeps no process alive. */
export async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
    timer.unref();
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
