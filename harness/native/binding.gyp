{
  "targets": [{
    "target_name": "iomapfuzz",
    "sources": ["src/addon.cc", "src/files.cc", "src/kcov.cc", "src/memory.cc", "src/mounts.cc", "src/names.cc", "src/pattern.cc", "src/streams.cc", "src/table-server.cc", "src/table-workload.cc"],
    # Relative, and not the package's own gyp snippet: that yields an absolute path when node_modules is a symbolic link.
    "include_dirs": ["<!@(node -p \"require('node-addon-api').include_dir\")"],
    "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "_FILE_OFFSET_BITS=64"],
    "cflags!": ["-fno-exceptions"],
    "cflags": ["-Wall", "-Wextra"],
    "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-fno-rtti"],
    "cflags_cc": ["-std=c++17", "-fexceptions", "-O2"]
  }]
}
