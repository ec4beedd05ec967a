/** Replies as a case states them, as what the server does. */
import type { Reply } from '../model/case.ts';
import { attrOut, outHeader } from '../uapi/fuse-structs.ts';
import { beginOut, ioendOut, iomapIo } from '../uapi/iomap.ts';
import type { Revision } from '../uapi/revision.ts';
import { done, fail, succeed, type Answer } from './answer.ts';
import { configPayload } from './config.ts';
import { encodeMapping } from './mapping.ts';

/** Says for itself where the cookie goes: `at` counts from the start of the reply, header included. Bytes. */
export type CookieFor = (device: number, at: number) => number;

/** `ordinary`: what the file system answers, whose attributes a reply may change. */
export function encodeReply(revision: Revision, reply: Reply, cookieFor: CookieFor, ordinary: () => Answer): Answer {
  switch (reply.kind) {
    case 'mappings': {
      const half = (name: 'read' | 'write') =>
        encodeMapping(revision, reply[name], (device) =>
          cookieFor(device, outHeader.size + beginOut.fields[name].at + iomapIo.fields.dev.at),
        );
      return succeed(beginOut.encode({ read: half('read'), write: half('write') }));
    }
    case 'error':
      return fail(reply.errno);
    case 'empty':
      return done;
    case 'raw': {
      const { payload, error, lengthBytes, unique, sentBytes } = reply;
      return {
        kind: 'raw',
        payload: Buffer.from(payload, 'hex'),
        ...(error !== undefined && { error }),
        ...(lengthBytes !== undefined && { lengthBytes }),
        ...(unique !== undefined && { unique }),
        ...(sentBytes !== undefined && { sentBytes }),
      };
    }
    case 'die':
    case 'kill':
    case 'abort':
      return { kind: 'end', how: reply.kind };
    case 'ioend':
      return succeed(ioendOut.encode({ newsize: reply.newsizeBytes }));
    case 'config':
      return succeed(configPayload(revision, reply));
    case 'attributes':
      return resized(ordinary(), reply.sizeBytes);
  }
}

/** Attributes with another size, which the kernel must ask for again when it wants to know them. */
function resized(answer: Answer, size: bigint): Answer {
  if (answer.kind !== 'payload' || answer.payload.length !== attrOut.size) return answer;
  const out = attrOut.decode(Buffer.from(answer.payload));
  return succeed(attrOut.encode({ ...out, attrValid: 0n, attr: { ...out.attr, size } }));
}
