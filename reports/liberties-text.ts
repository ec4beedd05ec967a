/** What a run says about the liberties that the kernel was told to take, in a line each. */
import type { LibertyUse } from '../model/liberties.ts';
import { plural } from './text.ts';

export function libertyText({ name, effect, reached, used }: LibertyUse): string {
  if (used > 0) return `liberty ${name}: taken ${plural(used, 'time')} (${effect})`;
  return `liberty ${name}: never taken, ${reached > 0 ? `although it was looked at ${plural(reached, 'time')}` : 'because no case came near it'}: this run says nothing about it (${effect})`;
}
