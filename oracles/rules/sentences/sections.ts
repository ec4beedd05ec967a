/** All sentences, in the order of the page that says which cells test them. */
import { answers } from './answers.ts';
import { config } from './config.ts';
import { endAndIoend } from './end-and-ioend.ts';
import { mappingCache } from './mapping-cache.ts';
import { requests } from './requests.ts';
import type { Section } from './section.ts';
import { syscalls } from './syscalls.ts';
import { types } from './types.ts';

export const sections: readonly Section[] = [syscalls, answers, config, types, endAndIoend, mappingCache, requests];
