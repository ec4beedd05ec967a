/** Requests about the connection: what is true of them whatever the case is about. */
import type { Exchange } from '../../model/observation.ts';
import type { Deviation } from '../deviation.ts';
import { allFlags, type Revision } from '../../uapi/revision.ts';

const rule = 'request/config',
  aspect = 'request';

/** docs/spec/uapi.md#negotiation */
/** Besides the flags, all that the revision has. */
const CONFIG = { maxbytes: (1n << 63n) - 1n, cacheMaxbytes: 262_144n } as const;

/** What may be asked before CONFIG is answered: nobody waits for these. */
const WAITS_FOR_NOTHING: ReadonlySet<string> = new Set([
  'INIT',
  'IOMAP_CONFIG',
  'FORGET',
  'BATCH_FORGET',
  'INTERRUPT',
  'DESTROY',
]);

/** CONFIG of a connection with iomap whose INIT is among the requests, oldest first. */
export function judgeConfig(ordered: readonly Exchange[], { configFlags }: Revision): Deviation[] {
  if (!ordered.some(({ name }) => name === 'INIT')) return [];
  const configs = ordered.filter(({ name }) => name === 'IOMAP_CONFIG');
  const [config, second] = configs;
  const first = ordered.find(({ name }) => !WAITS_FOR_NOTHING.has(name));
  if (first && (!config || first.seq < config.seq)) {
    return [
      {
        rule,
        aspect,
        expected: 'IOMAP_CONFIG, before any other request',
        seen: first.name,
        facts: { request: 'IOMAP_CONFIG', differs: 'missing' },
      },
    ];
  }
  if (!config) return [];
  if (second)
    return [
      {
        rule,
        aspect,
        expected: 'one IOMAP_CONFIG',
        seen: `${configs.length} of them`,
        facts: { request: 'IOMAP_CONFIG', differs: 'extra' },
      },
    ];
  const wrong = Object.entries({ nodeid: 0n, flags: BigInt(allFlags(configFlags)), ...CONFIG }).flatMap(
    ([name, value]) => {
      const is = name === 'nodeid' ? config.nodeid : config.request[name];
      return is === undefined || BigInt(is as bigint | number) === value
        ? []
        : [{ name, expected: `0x${value.toString(16)}`, seen: `0x${BigInt(is as bigint | number).toString(16)}` }];
    },
  );
  return wrong.length === 0
    ? []
    : [
        {
          rule,
          aspect,
          expected: `IOMAP_CONFIG with ${wrong.map((one) => `${one.name} ${one.expected}`).join(', ')}`,
          seen: wrong.map((one) => `${one.name} ${one.seen}`).join(', '),
          facts: { request: 'IOMAP_CONFIG', differs: 'fields', fields: wrong },
        },
      ];
}
