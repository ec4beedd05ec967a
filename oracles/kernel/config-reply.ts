/**
 * The bytes of an IOMAP_CONFIG answer that a case describes, as the kernel sees them: zero-filled behind what was sent.
 */
import type { Case, Reply } from '../../model/case.ts';
import { configOut, type ConfigOut } from '../../uapi/iomap.ts';
import { errnos } from '../../uapi/errno.ts';
import { headerFault, rawReply } from './answer.ts';
import { encodeConfig, type ConfigReply } from '../../server/config.ts';
import type { Revision } from '../../uapi/revision.ts';

function configReplyBytes(revision: Revision, reply: ConfigReply): ConfigOut {
  const bytes = encodeConfig(revision, reply);
  bytes.fill(0, reply.sentBytes ?? bytes.length);
  return configOut.decode(bytes);
}

export type ConfigAnswer = { kind: 'reply'; bytes: ConfigOut } | { kind: 'error'; errno: number } | { kind: 'ended' };

/** The answer to IOMAP_CONFIG: the script's first line for it, else the geometry's. Undefined: ENOSYS. */
export function configAnswer(testCase: Case, revision: Revision): ConfigAnswer | undefined {
  const answer = testCase.script.find((line) => line.on === 'IOMAP_CONFIG')?.reply ?? testCase.geometry.config;
  switch (answer?.kind) {
    case 'config':
      return { kind: 'reply', bytes: configReplyBytes(revision, answer) };
    case 'error':
      return answer;
    case 'raw':
      return rawConfig(answer);
    // A payload of no bytes is a short one.
    case 'empty':
      return { kind: 'reply', bytes: configOut.decode(Buffer.alloc(configOut.size)) };
    case 'die':
    case 'kill':
    case 'abort':
      return { kind: 'ended' };
    default:
      return undefined;
  }
}

/** Longer than the layout, or behind a header that does not fit, an answer is EIO. */
function rawConfig(reply: Extract<Reply, { kind: 'raw' }>): ConfigAnswer {
  const sent = rawReply(reply);
  if (headerFault(sent) !== undefined || sent.payload.length > configOut.size)
    return { kind: 'error', errno: errnos.EIO };
  if (sent.error !== 0) return { kind: 'error', errno: -sent.error };
  const bytes = Buffer.alloc(configOut.size);
  Buffer.from(sent.payload).copy(bytes);
  return { kind: 'reply', bytes: configOut.decode(bytes) };
}
