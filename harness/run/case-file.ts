/**
 * Case files: the truth about an experiment, as JSON that people read and edit. Reading accepts any layout and every
 * older schema that `migrations` leads up from; writing gives equal cases equal text.
 */
import { ZodError } from 'zod';
import { UsageError, messageOf } from '../../model/errors.ts';
import { readRegularText } from '../../files/regular-file.ts';
import { CASE_SCHEMA, decodeCase, encodeCase, type Case } from '../../model/case.ts';
import { devicesOf } from '../../model/notification-refs.ts';
import type { Notification } from '../../model/notification.ts';
import { prettyJson } from './pretty-json.ts';

/**
 * Raises a case of schema n, as JSON, to schema n + 1. Throws Error with a text for people when that has no meaning any
 * more.
 */
export type Migration = (json: Record<string, unknown>) => Record<string, unknown>;

/** By the schema they start from. Schema 1 is the first, so that nothing leads up to it. */
const migrations: ReadonlyMap<number, Migration> = new Map();

export type CaseParse =
  | { kind: 'case'; case: Case; /** The schema of the text, when it was older. */ migratedFrom?: number }
  | { kind: 'not-json'; reason: string }
  | { kind: 'no-case'; reason: string }
  | { kind: 'too-new'; schema: number }
  | { kind: 'too-old'; schema: number; reason: string }
  /** `fields`: one line each, `workload[1].lengthBytes: why`. */
  | { kind: 'invalid'; fields: string[] };

export function parseCase(text: string): CaseParse {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { kind: 'not-json', reason: messageOf(error) };
  }
  return decodeAnySchema(json);
}

/** As `parseCase`, for JSON that was read already. */
export function decodeAnySchema(json: unknown): CaseParse {
  const raised = migrate(json, CASE_SCHEMA, migrations);
  if (raised.kind !== 'json') return raised;
  try {
    const value = decodeCase(raised.json);
    const fields = danglingReferences(value);
    if (fields.length > 0) return { kind: 'invalid', fields };
    return { kind: 'case', case: value, ...(raised.from !== CASE_SCHEMA && { migratedFrom: raised.from }) };
  } catch (error) {
    if (!(error instanceof ZodError)) throw error;
    return { kind: 'invalid', fields: error.issues.map(({ path, message }) => `${fieldPath(path)}: ${message}`) };
  }
}

type Raised =
  | { kind: 'json'; json: Record<string, unknown>; from: number }
  | Extract<CaseParse, { kind: 'no-case' | 'too-new' | 'too-old' }>;

/** Raises JSON of any known schema to schema `current`, one step at a time. */
export function migrate(json: unknown, current: number, table: ReadonlyMap<number, Migration>): Raised {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return {
      kind: 'no-case',
      reason: `the file holds ${Array.isArray(json) ? 'an array' : json === null ? 'null' : `a ${typeof json}`}, and a case is an object`,
    };
  }
  const { schema } = json as { schema?: unknown };
  if (typeof schema !== 'number' || !Number.isInteger(schema))
    return { kind: 'no-case', reason: 'it has no number "schema", which every case file has' };
  if (schema > current) return { kind: 'too-new', schema };
  let raised = json as Record<string, unknown>;
  for (let version = schema; version < current; version += 1) {
    const step = table.get(version);
    if (!step) return { kind: 'too-old', schema, reason: `nothing leads from schema ${version} to ${version + 1}` };
    try {
      raised = { ...step(raised), schema: version + 1 };
    } catch (error) {
      return { kind: 'too-old', schema, reason: messageOf(error) };
    }
  }
  return { kind: 'json', json: raised, from: schema };
}

/** Reads a case file. Throws UsageError that names the file, what is wrong and what to do. */
export function readCaseFile(path: string): Case {
  return caseOf(readText(path), path);
}

/** The case in `text`; `name` is what errors call it. Throws UsageError. */
function caseOf(text: string, name: string): Case {
  const parsed = parseCase(text);
  if (parsed.kind === 'case') return parsed.case;
  throw new UsageError(`${name}: ${explainFailure(parsed)}`);
}

export function readText(path: string): string {
  try {
    return readRegularText(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${messageOf(error)}`);
  }
}

const SHOWN_FIELDS = 8;

/** What is wrong and what to do next, for people. */
export function explainFailure(failure: Exclude<CaseParse, { kind: 'case' }>): string {
  switch (failure.kind) {
    case 'not-json':
      return `this is no JSON (${failure.reason}); give a case file, as \`iomapfuzz corpus list\` shows them`;
    case 'no-case':
      return `this is no case file: ${failure.reason}`;
    case 'too-new':
      return `the case has schema ${failure.schema}, this iomapfuzz knows schemas up to ${CASE_SCHEMA}; update iomapfuzz`;
    case 'too-old':
      return `the case has schema ${failure.schema}, which can't be raised to ${CASE_SCHEMA} (${failure.reason}); write the case again with this iomapfuzz, or replay it with the version that wrote it`;
    case 'invalid': {
      const { fields } = failure;
      const more = fields.length > SHOWN_FIELDS ? `\n  and ${fields.length - SHOWN_FIELDS} more` : '';
      return `the case is not valid:\n${fields
        .slice(0, SHOWN_FIELDS)
        .map((line) => `  ${line}`)
        .join('\n')}${more}\nCorrect these fields; model/case.ts describes each of them`;
    }
  }
}

/** The text of a case file, ending with a newline. */
export const formatCase = (value: Case): string => prettyJson(encodeCase(value));

/** `workload[1].lengthBytes`; the whole case for an empty path. */
function fieldPath(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text === '' ? 'the case' : text.replace(/^\./, '');
}

/** Indexes that point nowhere: a case whose guest would have to guess. */
function danglingReferences({ geometry, script, workload }: Case): string[] {
  const fields: string[] = [];
  const check = (where: string, index: number | undefined, count: number, what: string): void => {
    if (index !== undefined && index >= count)
      fields.push(`${where}: there is no ${what} ${index}; the case has ${count}`);
  };
  const files = geometry.files.length;
  const devices = geometry.devices.length;
  const notifies = (where: string, notification: Notification): void => {
    if ('node' in notification && 'file' in notification.node)
      check(`${where}.node.file`, notification.node.file, files, 'file');
    for (const { device } of devicesOf(notification)) check(`${where}: device`, device, devices, 'device');
  };
  script.forEach(({ file, reply, before = [] }, n) => {
    check(`script[${n}].file`, file, files, 'file');
    before.forEach((notification, m) => {
      notifies(`script[${n}].before[${m}]`, notification);
    });
    if (reply.kind !== 'mappings') return;
    for (const half of ['read', 'write'] as const) {
      const { dev } = reply[half];
      if (typeof dev !== 'number') check(`script[${n}].reply.${half}.dev.device`, dev.device, devices, 'device');
    }
  });
  let opened = 0;
  workload.forEach((step, n) => {
    if (step.call === 'open') {
      check(`workload[${n}].file`, step.file, files, 'file');
      opened += 1;
    } else if (step.call === 'fuseIoctl') {
      check(`workload[${n}].device`, step.device, devices, 'device');
      if (typeof step.id === 'object') check(`workload[${n}].id.device`, step.id.device, devices, 'device');
    } else if (step.call === 'notify') {
      notifies(`workload[${n}].notification`, step.notification);
    } else if (step.call === 'deviceRead') {
      check(`workload[${n}].device`, step.device, devices, 'device');
    } else if (step.call === 'swapon' || step.call === 'swapoff' || step.call === 'ordinary') {
      check(`workload[${n}].file`, step.file, files, 'file');
      if (step.call === 'swapon') check(`workload[${n}].header.device`, step.header?.device, devices, 'device');
    } else if (step.call === 'pageOut') {
      // Private memory: nothing to point to.
    } else {
      check(`workload[${n}].fd`, step.fd, opened, 'open step before this one with fd');
      if ('from' in step) check(`workload[${n}].from`, step.from, opened, 'open step before this one with fd');
    }
  });
  return fields;
}
