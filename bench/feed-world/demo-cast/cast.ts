import type { CastFeed } from '../options.ts';
import { bicycleShed } from './bicycle-shed.ts';
import { fieldNotes } from './field-notes.ts';
import { harbourLight } from './harbour-light.ts';
import { letterFromTheHill } from './letter-from-the-hill.ts';
import { listeningRoom } from './listening-room.ts';
import { nightTrain } from './night-train.ts';
import { oldMaps } from './old-maps.ts';
import { orbitAndTide } from './orbit-and-tide.ts';
import { plainCode } from './plain-code.ts';
import { slowKitchen } from './slow-kitchen.ts';
import { smallPress } from './small-press.ts';
import { windowGarden } from './window-garden.ts';

/** The feeds of `npm run demo`. A new one is a file like its neighbours and a line here. */
export const DEMO_CAST: readonly CastFeed[] = [
  slowKitchen,
  harbourLight,
  fieldNotes,
  orbitAndTide,
  nightTrain,
  smallPress,
  bicycleShed,
  plainCode,
  windowGarden,
  oldMaps,
  listeningRoom,
  letterFromTheHill,
];
