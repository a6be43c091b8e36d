import type { Scenario } from '../scenario.ts';
import { flappingApi } from './flapping-api.ts';
import { halfDone } from './half-done.ts';
import { hostNameOfDhcp, sameHostName } from './host-name.ts';
import { hotPlug } from './hot-plug.ts';
import { lateKind } from './late-kind.ts';
import { historicLabel, inPartition, secondMedium } from './media.ts';
import { powerCuts, rebootWhileWaiting, runTwice } from './power.ts';
import { brokenJson, proxyMismatch, wrongFamily, wrongVersion } from './refused.ts';
import { registryOverride } from './registry.ts';
import { dualStack, fullSize, ipv6 } from './stacks.ts';
import { nmstateFails, staticNetwork } from './static-network.ts';
import { straight } from './straight.ts';

export const scenarios: readonly Scenario[] = [
  straight,
  hotPlug,
  inPartition,
  historicLabel,
  secondMedium,
  brokenJson,
  wrongFamily,
  proxyMismatch,
  wrongVersion,
  staticNetwork,
  nmstateFails,
  sameHostName,
  hostNameOfDhcp,
  dualStack,
  ipv6,
  registryOverride,
  lateKind,
  flappingApi,
  halfDone,
  runTwice,
  rebootWhileWaiting,
  powerCuts,
  fullSize,
];
