/**
 * Replies of the case model as the bytes of a table case. The guest's own encoding is harness/guest/cases/script.ts.
 */
import type { Reply } from '../../../model/case.ts';
import type { MappingSpec } from '../../../model/mapping.ts';
import { mostTableReplyBytes, type TableLine } from '../../../model/table-case.ts';
import { encodeReply } from '../../../uapi/fuse-wire.ts';
import { outHeader } from '../../../uapi/fuse-structs.ts';
import { beginOut, ioendOut, iomapIo, type IomapIo } from '../../../uapi/iomap.ts';
import type { Revision } from '../../../uapi/revision.ts';

type TableReply = Pick<TableLine, 'reply' | 'ownUnique' | 'raw' | 'fixups'>;

const orOf = (table: Readonly<Record<string, number | undefined>>, values: readonly (string | number)[]): number =>
  values.reduce<number>((sum, value) => (sum | (typeof value === 'number' ? value : (table[value] ?? 0))) >>> 0, 0);

/** `dev` is filled in by the guest when it names a device. */
export function mapping(revision: Revision, spec: MappingSpec): IomapIo {
  return {
    offset: spec.offset,
    length: spec.length,
    addr: spec.addr,
    type: typeof spec.type === 'number' ? spec.type : (revision.mappingTypes[spec.type] ?? 0xffff),
    flags: orOf(revision.mappingFlags, spec.flags),
    dev: typeof spec.dev === 'number' ? spec.dev : 0,
  };
}

const plain = (error: number, payload?: Uint8Array): TableReply => ({
  reply: encodeReply(0n, error, payload),
  ownUnique: false,
  raw: false,
  fixups: [],
});

/** Undefined: not a reply for a table. `devices`: how many the geometry has. */
export function tableReply(revision: Revision, devices: number, reply: Reply): TableReply | undefined {
  switch (reply.kind) {
    case 'mappings': {
      const halves = [reply.read, reply.write];
      const fixups = halves.flatMap(({ dev }, half) =>
        typeof dev === 'number'
          ? []
          : [{ at: outHeader.size + half * iomapIo.size + iomapIo.fields.dev.at, device: dev.device }],
      );
      if (fixups.some(({ device }) => device >= devices)) return undefined;
      return {
        ...plain(0, beginOut.encode({ read: mapping(revision, reply.read), write: mapping(revision, reply.write) })),
        fixups,
      };
    }
    case 'error':
      return plain(-reply.errno);
    case 'empty':
      return plain(0);
    case 'ioend':
      return plain(0, ioendOut.encode({ newsize: reply.newsizeBytes }));
    case 'raw': {
      const payload = Buffer.from(reply.payload, 'hex');
      if (payload.length > mostTableReplyBytes || reply.sentBytes !== undefined) return undefined;
      return {
        reply: encodeReply(
          reply.unique ?? 0n,
          reply.error ?? 0,
          payload,
          reply.lengthBytes ?? outHeader.size + payload.length,
        ),
        ownUnique: reply.unique !== undefined,
        raw: true,
        fixups: [],
      };
    }
    default:
      return undefined;
  }
}
