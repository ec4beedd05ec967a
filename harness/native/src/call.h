// What every exported function shares: how arguments come in and how results go out.
// A failing syscall never throws: it returns -errno, as the kernel itself does.
#pragma once
#include <napi.h>

#include <cerrno>
#include <cstdint>

namespace iomapfuzz {

struct Bytes {
  uint8_t* data;
  size_t length;
};

inline int32_t i32(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().Int32Value(); }
inline uint32_t u32(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().Uint32Value(); }
// Sizes that JavaScript holds as numbers, up to 2^53.
inline int64_t size(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().Int64Value(); }

inline int64_t s64(const Napi::CallbackInfo& info, size_t index) {
  bool lossless;
  return info[index].As<Napi::BigInt>().Int64Value(&lossless);
}
inline uint64_t u64(const Napi::CallbackInfo& info, size_t index) {
  bool lossless;
  return info[index].As<Napi::BigInt>().Uint64Value(&lossless);
}
inline std::string text(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::String>().Utf8Value(); }
inline Bytes bytes(const Napi::CallbackInfo& info, size_t index) {
  auto array = info[index].As<Napi::Uint8Array>();
  return {array.Data(), array.ByteLength()};
}
// A window of a buffer, clipped to it, so that no call can touch memory behind it.
inline Bytes window(const Napi::CallbackInfo& info, size_t index, int64_t at, int64_t length) {
  Bytes all = bytes(info, index);
  size_t start = at < 0 ? 0 : std::min<size_t>(at, all.length);
  return {all.data + start, length < 0 ? 0 : std::min<size_t>(length, all.length - start)};
}

inline Napi::Value result(const Napi::CallbackInfo& info, int64_t ret) {
  return Napi::Number::New(info.Env(), static_cast<double>(ret < 0 ? -errno : ret));
}
inline Napi::Value result64(const Napi::CallbackInfo& info, int64_t ret) {
  return Napi::BigInt::New(info.Env(), ret < 0 ? static_cast<int64_t>(-errno) : ret);
}

// Copies between `data` and a shared mapping of the file in another address space. The bytes copied, or -errno.
int64_t mmapCopy(int fd, uint8_t* data, size_t length, uint64_t offset, bool write, bool sync);

void ExportFiles(Napi::Env env, Napi::Object exports);
void ExportKcov(Napi::Env env, Napi::Object exports);
void ExportMemory(Napi::Env env, Napi::Object exports);
void ExportMounts(Napi::Env env, Napi::Object exports);
void ExportNames(Napi::Env env, Napi::Object exports);
void ExportPattern(Napi::Env env, Napi::Object exports);
void ExportStreams(Napi::Env env, Napi::Object exports);
void ExportTableServer(Napi::Env env, Napi::Object exports);
void ExportTableWorkload(Napi::Env env, Napi::Object exports);

}  // namespace iomapfuzz
