/** A sleep that can be cut short. */
export class Alarm {
  private wake: (() => void) | undefined;

  /** Resolves after that many milliseconds, or at the next ring. */
  sleep(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(millis) ? setTimeout(resolve, millis) : undefined;
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends the sleep, if there is one. */
  ring(): void {
    this.wake?.();
    this.wake = undefined;
  }
}
