/** The addon's structures as C++: what it shares with the host, and what it reads of requests. */
import * as table from '../../model/table-layout.ts';
import { TABLE_CALLS } from '../../model/table-case.ts';
import { cStruct } from '../../uapi/c-struct.ts';
import { beginIn, ioendIn, iomapIo } from '../../uapi/iomap.ts';

const { caseHeader, caseFile, caseLine, replyFixup, caseStep, deviceWindow, caseNotification, notificationFixup } =
  table;
const { batchHead, resultHead, resultStep, packedRun, resultChange, resultWritten, recordHead } = table;

const shared = [
  caseHeader,
  caseFile,
  caseLine,
  replyFixup,
  caseStep,
  deviceWindow,
  caseNotification,
  notificationFixup,
  batchHead,
  resultHead,
  resultStep,
  packedRun,
  resultChange,
  resultWritten,
  recordHead,
];

const own = (name: string): string => name;
/** `kOwnUnique` of `ownUnique`. */
const constant = (name: string): string => `k${name.charAt(0).toUpperCase()}${name.slice(1)}`;
const values = (name: string, type: string, table: Readonly<Record<string, number>>): string =>
  `enum ${name} : ${type} {\n${Object.entries(table)
    .map(([key, value]) => `  ${constant(key)} = ${value},`)
    .join('\n')}\n};`;

/** The text of src/layouts.h. */
export const layoutsHeader = (): string =>
  [
    `// Generated from the tables of layouts by harness/native/layouts.ts; layouts.test.ts says how. Not to be edited.
#pragma once
#include <cstddef>
#include <cstdint>

namespace iomapfuzz::table {

// What model/table-layout.ts describes.`,
    ...shared.map((layout) => cStruct(layout, { name: layout.name, member: own, language: 'C++' })),
    values('CaseFlag', 'uint32_t', table.CASE_FLAGS),
    values('LineFlag', 'uint16_t', table.LINE_FLAGS),
    values('FixupKind', 'uint16_t', table.FIXUP_KINDS),
    values('ResultFlag', 'uint32_t', table.RESULT_FLAGS),
    values('RunKind', 'uint16_t', table.RUN_KINDS),
    values('Call', 'uint32_t', TABLE_CALLS),
    `constexpr uint32_t anyFile = 0x${table.ANY_FILE.toString(16)};\nconstexpr size_t packedOtherBytes = ${table.PACKED_OTHER_BYTES};`,
    '// What uapi/iomap.ts describes.',
    cStruct(iomapIo, { name: 'Mapping', member: own, language: 'C++' }),
    cStruct(beginIn, { name: 'BeginIn', member: own, language: 'C++' }),
    cStruct(ioendIn, { name: 'IoendIn', member: own, language: 'C++' }),
    '}  // namespace iomapfuzz::table\n',
  ].join('\n\n');
