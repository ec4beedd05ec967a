/**
 * What a lessee and the broker say to each other: frames (model/frame.ts) over a unix socket, one lease a connection.
 */
import type { GuestMessage, HostMessage, KernelFacts } from '../../model/channel.ts';
import type { LeaseEnd } from '../pool.ts';
import type { VmFailure } from '../qemu/failure.ts';
import type { VmEnvironment, VmSpec } from '../vm.ts';

/** Names the broker's socket to the processes of a run. */
export const brokerVariable = 'IOMAPFUZZ_BROKER';

export type ToBroker =
  { kind: 'lease'; spec: VmSpec } | { kind: 'to-guest'; message: HostMessage } | { kind: 'release'; end: LeaseEnd };

export type FromBroker =
  | { kind: 'leased'; facts: KernelFacts; environment: VmEnvironment; console: string[] }
  | { kind: 'from-guest'; message: GuestMessage }
  | { kind: 'console'; line: string }
  | { kind: 'lost'; failure: VmFailure; consoleTail: readonly string[] }
  /** No guest can be had, and it is no VM's failure. */
  | { kind: 'refused'; reason: string }
  | { kind: 'released' };
