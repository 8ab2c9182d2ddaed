/** A sleep that can be ended from elsewhere. A call to `wake` while nobody sleeps ends the next one before it begins. */
export class Nap {
  #end: (() => void) | undefined;
  #awake = false;

  /** One at a time. */
  async sleep(ms: number): Promise<void> {
    if (!this.#awake) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#awake = false;
    this.#end = undefined;
  }

  wake(): void {
    this.#awake = true;
    this.#end?.();
  }
}
