/** A kernel that went down in some tries of a case. */
import type { Deviation } from '../model/verdict.ts';

export const timesText = (crashes: number, tries: number): string => `(${crashes} of ${tries} tries)`;

export const crashDeviation = (reason: string, crashes: number, tries: number): Deviation =>
  ({ rule: 'kernel/healthy', aspect: 'kernel-log', expected: 'the kernel stays healthy, whatever a server answers', seen: `${reason} ${timesText(crashes, tries)}` });
