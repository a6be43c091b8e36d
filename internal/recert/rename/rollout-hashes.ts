import type { Step } from './step.ts';

export function rolloutSteps(): Step[] {
  return [];
}
