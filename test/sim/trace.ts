import { hash } from 'node:crypto';

/** What happened, a line each, for people; and one number of it, to see that two runs were the same. */
export class Trace {
  readonly lines: string[] = [];
  readonly isOn: boolean;
  readonly #now: () => number;

  constructor(isOn: boolean, now: () => number) {
    this.isOn = isOn;
    this.#now = now;
  }

  /** `text` is only called where somebody listens. */
  add(who: string, text: () => string): void {
    if (this.isOn) this.lines.push(`${this.#now().toFixed(1).padStart(9)} ms  ${who.padEnd(9)} ${text()}`);
  }

  hash(): string {
    return hash('sha256', this.lines.join('\n')).slice(0, 16);
  }
}
