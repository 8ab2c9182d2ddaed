import type { ShownReport } from './crawl-test-text.ts';
export function testReportPage(report: ShownReport): string {
  return JSON.stringify(report);
}
