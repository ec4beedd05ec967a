#include "call.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  iomapfuzz::ExportFiles(env, exports);
  iomapfuzz::ExportKcov(env, exports);
  iomapfuzz::ExportMemory(env, exports);
  iomapfuzz::ExportMounts(env, exports);
  iomapfuzz::ExportNames(env, exports);
  iomapfuzz::ExportPattern(env, exports);
  iomapfuzz::ExportStreams(env, exports);
  iomapfuzz::ExportTableServer(env, exports);
  iomapfuzz::ExportTableWorkload(env, exports);
  return exports;
}

NODE_API_MODULE(iomapfuzz, Init)
