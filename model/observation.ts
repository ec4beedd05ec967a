/** The types of observation-schema.ts, for the many that look at an observation and check none: the guest, the judges. */
export type {
  DeviceChange,
  Exchange,
  FiemapExtent,
  KernelEvent,
  MountResult,
  Observation,
  SentReply,
  StepResult,
  TranscriptCut,
} from './observation-schema.ts';
