/**
 * The program's entry: guards the exit code before the program itself is loaded, so that a missing npm package is no
 * "kernel deviates" either.
 */
import { guardProcess } from './guard.ts';

guardProcess();
await import('./main.ts');
