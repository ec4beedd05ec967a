/**
 * The border between the model of the kernel and the world it runs in. Judges drive it with the transcript of a case,
 * tests with a scripted server.
 */
import type { Exchange } from '../../model/observation.ts';
import type { Segment } from './content.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** A field of a request: the value that is right, or, where several are, a predicate with a text for people. */
export interface ExpectedField {
  value: bigint | number;
  accepts?: (seen: bigint | number) => boolean;
  text?: string;
}
export interface ExpectedRequest {
  /** Name of the opcode. */
  name: string;
  file?: number;
  /** Decoded fields; a nested structure is a record of fields. */
  fields: Record<string, ExpectedField | Record<string, ExpectedField>>;
  /** The bytes behind the structure. */
  data?: readonly Segment[];
  /** The row that asks for the request. */
  rule: ClauseId;
}

export interface Driver {
  /** There is no kernel: the requests are those that one makes which asks for what it must, and no more. */
  readonly simulated: boolean;
  /**
   * The request that the kernel makes here, with its answer. Throws Desynchronised when the kernel made another one or
   * none.
   */
  request(expected: ExpectedRequest): Exchange;
  /**
   * A request that the kernel may make here or not, as readahead and folio sizes have it. Undefined: it made another or
   * none in this step.
   * `plain`: whether a kernel that asks for what it needs and no more would make it.
   */
  maybe(expected: ExpectedRequest, plain: boolean, step: number): Exchange | undefined;
  /** As `request`, where the model can go on without it: that it did not come is noted. */
  owed(expected: ExpectedRequest, step: number): Exchange | undefined;
  /** The request that the kernel made next, when that was in this step; undefined: none, or there is no kernel. */
  peek(step: number): Exchange | undefined;
  /** The next request of this step besides those that `passed` names; undefined: none, or there is no kernel. */
  nextBut(step: number, passed: (exchange: Exchange) => boolean): Exchange | undefined;
  /**
   * A request whose place among the others is open: the kernel has made it by now, once more than it was asked for
   * before.
   */
  loose(expected: ExpectedRequest, step: number): void;
  /**
   * The requests about that file that the kernel has made by now and whose place among the others is open, in order.
   */
  come(name: string, file: number, step: number): readonly Exchange[];
  /** The workload's next step begins. */
  atStep?(step: number): void;
  /** Which of `count` readings of the rules the kernel follows here, from 0; 0 is the plainest. */
  choose(count: number): number;
}

const RESERVED: ReadonlySet<string> = new Set([
  'reserved',
  'padding',
  'pad',
  'zero',
  'dummy',
  'unused',
  'unused4',
  'unused5',
]);
/**
 * Fields that are zero in every request, whatever it is about; byte arrays throughout. They are judged by themselves
 * (judges/requests.ts).
 */
export const isReserved = (field: string): boolean => RESERVED.has(field);

export const isField = (field: ExpectedField | Record<string, ExpectedField>): field is ExpectedField =>
  typeof field.value === 'bigint' || typeof field.value === 'number';

/** The request that a kernel sends which takes the plain value everywhere. */
export const plainFields = (fields: ExpectedRequest['fields']): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([key, field]) => [key, isField(field) ? field.value : plainFields(field)]),
  );

/** The kernel's requests left the path that the rules describe; what comes behind cannot be predicted. */
export class Desynchronised extends Error {}

/** The spec does not say what happens from here on. */
export class Unspecified extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}
