import { expect, test } from '@playwright/test';
import { parseTrace } from './bad-data-trace.ts';

test('should read the event as the reference kernel prints it', () => {
  const text =
    '            node-50      [000] .....     7.015543: fuse_iomap_bad_data: connection 37 nodeid 4288 func fuse_iomap_check_mapping line 477 ' +
    'condition check_add_overflow(map->offset, map->length, &end)\n';
  expect(parseTrace(text)).toEqual([
    {
      kind: 'bad-data',
      func: 'fuse_iomap_check_mapping',
      line: 477,
      condition: 'check_add_overflow(map->offset, map->length, &end)',
    },
  ]);
});

test('should read field=value forms of other kernels', () => {
  expect(parseTrace(' x-1 [0] 1.0: fuse_iomap_bad_data: func=a line=3 cond=map->length == 0')).toEqual([
    { kind: 'bad-data', func: 'a', line: 3, condition: 'map->length == 0' },
  ]);
});

test('should show an event whose text it cannot read instead of dropping it', () => {
  expect(parseTrace('x-1 [0] 1.0: fuse_iomap_bad_data: something else')).toEqual([
    { kind: 'bad-data', func: '', line: 0, condition: 'something else' },
  ]);
});

test('should say how many events were lost, and nothing of other events', () => {
  expect(parseTrace('CPU:0 [LOST 12 EVENTS]\n x-1 [0] 1.0: fuse_request_send: connection 3')).toEqual([
    { kind: 'lost-events', source: 'trace', count: 12 },
  ]);
});

test('should count an event as lost that the kernel could not print, and read the one behind it', () => {
  const text = '[LINE TOO BIG]\n x-1 [0] 1.0: fuse_iomap_bad_data: func a line 3 condition map->length == 0';
  expect(parseTrace(text)).toEqual([
    { kind: 'lost-events', source: 'trace', count: 1 },
    { kind: 'bad-data', func: 'a', line: 3, condition: 'map->length == 0' },
  ]);
  expect(parseTrace(text.split('\n')[1]!)).toEqual([
    { kind: 'bad-data', func: 'a', line: 3, condition: 'map->length == 0' },
  ]);
});
