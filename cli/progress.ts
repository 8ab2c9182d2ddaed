import { columnsOf, type Output } from './io.ts';
import { cut } from './text.ts';

/** A line is redrawn at most this often, in ms. */
const REDRAW_MS = 100;

export interface ProgressLine extends Disposable {
  show(text: string): void;
}

/** One line at the bottom of a terminal that is drawn over; nothing at all where the output is no terminal. */
export function progressLine(output: Output, clock: () => number): ProgressLine {
  if (output.isTTY !== true) return { show: () => {}, [Symbol.dispose]: () => {} };
  let drawnAt = Number.NEGATIVE_INFINITY;
  let shown = false;
  return {
    show(text) {
      if (clock() - drawnAt < REDRAW_MS) return;
      drawnAt = clock();
      shown = true;
      output.write(`\r\u001b[K${cut(text, columnsOf(output) - 1)}`);
    },
    [Symbol.dispose]() {
      if (shown) output.write('\r\u001b[K');
      shown = false;
    },
  };
}
