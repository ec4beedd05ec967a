/**
 * One C file that shows a case without this harness: mounts, serves the case's replies, does its syscalls, compares.
 */
import type { Case } from '../model/case.ts';
import { caseHash } from '../model/hash.ts';
import { revisionWith } from '../uapi/numbers.ts';
import type { Revision } from '../uapi/revision.ts';
import { bytes } from './c/bytes.ts';
import { devices } from './c/devices.ts';
import { headerComment } from './c/header-comment.ts';
import { includes } from './c/includes.ts';
import { kernelLog, parameters } from './c/kernel-log.ts';
import { main, mountpoint } from './c/main.ts';
import { report } from './c/report.ts';
import { server } from './c/server.ts';
import { uapi } from './c/uapi.ts';
import { mustFailToMount, usesOf, type Program } from './c/uses.ts';
import { workload } from './c/workload.ts';
import type { Evidence } from './evidence.ts';
import { predict } from '../oracles/predict.ts';

/**
 * The program's text. It compiles with `gcc -Wall -Wextra -O2` and nothing but a C library; it exits with 0 when the
 * kernel conforms, 1 when it deviates, 2 when it cannot be tried here. `revision`: numbers and rules, by default those
 * of the revision that the case names, with the numbers of the evidence.
 */
export function emitC(
  testCase: Case,
  evidence: Evidence,
  revision: Revision = revisionWith(testCase.revision, evidence.uapiHeader?.numbers),
): string {
  const prediction = predict(testCase, revision);
  const program: Program = {
    case: testCase,
    revision,
    prediction,
    uses: usesOf(testCase, revision, prediction, evidence.deviations),
  };
  const { uses } = program;
  const body = [
    uapi(program),
    report(program),
    parameters(program),
    mountpoint(program),
    uses.bytes ? bytes(program) : '',
    uses.devices ? devices(program) : '',
    server(program),
    kernelLog(program),
    mustFailToMount(prediction) ? '' : workload(program),
    main(program),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
  return `// SPDX-License-Identifier: MIT
${headerComment(testCase, caseHash(testCase), evidence, prediction)}
${includes(body)}

${body}
`;
}
