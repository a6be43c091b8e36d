import type { Scenario } from '../scenario.ts';
import { straight } from './straight.ts';

export const scenarios: readonly Scenario[] = [straight];
