/** What goes as plain JSON: who is at either end. */
import { DATABASE_NAMES, type DatabaseName } from '../../../store/documents.ts';
import type { Checkpoint } from '../../checkpoint.ts';
import type { Policies, Policy } from '../../policy.ts';
import type { Hello, SiteInfo } from '../../target.ts';
import {
  parseJson,
  readArray,
  readChoice,
  readCount,
  readDatabase,
  readFlag,
  readNumber,
  readObject,
  readOrNull,
  readSite,
  readText,
} from './checked.ts';
import { readCheckpoint } from './push.ts';

const POLICIES: readonly Policy[] = ['keep', 'newest', 'merge'];

/** What a receiver answers to a sender that it admits. */
export interface Admission {
  /** Names this session in the requests that follow. */
  readonly id: string;
  readonly info: SiteInfo;
  readonly checkpoints: Readonly<Partial<Record<DatabaseName, Checkpoint | null>>>;
}

/** Throws WIRE_DAMAGED and WIRE_TOO_LARGE, like all below. */
export function readHello(value: unknown): Hello {
  const hello = readObject(value, 'a hello');
  return {
    session: readText(hello.session, 'a session'),
    site: readSite(hello.site, 'the site of the sender'),
    epoch: readCount(hello.epoch, 'an epoch'),
    direction: readChoice(hello.direction, 'a direction', ['one-way', 'two-way']),
    databases: readArray(hello.databases, 'the databases', DATABASE_NAMES.length).map(readDatabase),
    policies: readPolicies(hello.policies),
    adopt: readFlag(hello.adopt, 'adopt'),
    docsToDo: readCount(hello.docsToDo, 'the count of documents'),
    ...(hello.only !== undefined && { only: readSite(hello.only, 'a sender') }),
    ...(hello.fromOnly !== undefined && { fromOnly: readCheckpoints(hello.fromOnly) }),
    ...(hello.follows !== undefined && { follows: readSite(hello.follows, 'a primary') }),
    ...(hello.isRepair === true && { isRepair: true }),
  };
}

export function readAdmission(json: string): Admission {
  const { id, info, checkpoints } = readObject(parseJson(json, 'an answer'), 'an answer');
  return { id: readText(id, 'a session'), info: readInfo(info), checkpoints: readCheckpoints(checkpoints) };
}

function readCheckpoints(value: unknown): Admission['checkpoints'] {
  const kept = Object.entries(readObject(value, 'the checkpoints')).map(([database, checkpoint]) => [
    ...[readDatabase(database), readOrNull(checkpoint, readCheckpoint)],
  ]);
  return Object.fromEntries(kept);
}

export function readSiteInfo(json: string): SiteInfo {
  return readInfo(parseJson(json, 'an answer'));
}

function readInfo(value: unknown): SiteInfo {
  const info = readObject(value, 'an answer');
  const role = readObject(info.role, 'a role');
  return {
    site: readSite(info.site, 'the site of the receiver'),
    engine: readChoice(info.engine, 'an engine', ['sqlite', 'mongodb']),
    role: {
      role: readChoice(role.role, 'a role', ['primary', 'replica']),
      epoch: readCount(role.epoch, 'an epoch'),
      primary: readOrNull(role.primary, (site) => readSite(site, 'a primary')),
      ...(role.only != null && { only: readSite(role.only, 'a sender') }),
      ...(role.unfinished === true && { unfinished: true }),
      since: readNumber(role.since, 'a time'),
    },
    clock: readNumber(info.clock, 'a clock'),
  };
}

function readPolicies(value: unknown): Policies {
  const policies = readObject(value, 'the policies');
  const read = DATABASE_NAMES.map((name) => [name, readChoice(policies[name], 'a policy', POLICIES)]);
  return Object.fromEntries(read) as Policies;
}
