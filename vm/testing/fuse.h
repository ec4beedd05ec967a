/* What tests take for include/uapi/linux/fuse.h of a kernel: the part that fuse-iomap adds, and what it rests on. */
#ifndef _LINUX_FUSE_H
#define _LINUX_FUSE_H
#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

#define FUSE_KERNEL_VERSION 7
#define FUSE_KERNEL_MINOR_VERSION 99
#define FUSE_ROOT_ID 1
#define FUSE_IOMAP (1ULL << 43)
#define FUSE_ATTR_SUBMOUNT (1 << 0)
#define FUSE_ATTR_DAX (1 << 1)
#define FUSE_ATTR_EXCLUSIVE (1 << 2)
#define FUSE_ATTR_IOMAP (1 << 3)
#define FUSE_ATTR_ATOMIC (1 << 4)
#define FUSE_ATTR_SYNC (1 << 5)
#define FUSE_ATTR_IMMUTABLE (1 << 6)
#define FUSE_ATTR_APPEND (1 << 7)
#define FUSE_BACKING_TYPE_PASSTHROUGH (0)
#define FUSE_BACKING_TYPE_IOMAP (1)
#define FUSE_IOMAP_SUPPORT_FILEIO (1ULL << 0)
#define FUSE_IOMAP_SUPPORT_ATOMIC (1ULL << 1)
#define FUSE_IOMAP_TYPE_HOLE (0)
#define FUSE_IOMAP_TYPE_DELALLOC (1)
#define FUSE_IOMAP_TYPE_MAPPED (2)
#define FUSE_IOMAP_TYPE_UNWRITTEN (3)
#define FUSE_IOMAP_TYPE_INLINE (4)
#define FUSE_IOMAP_TYPE_NOCACHE (253)
#define FUSE_IOMAP_TYPE_RETRY_CACHE (254)
#define FUSE_IOMAP_TYPE_PURE_OVERWRITE (255)
#define FUSE_IOMAP_F_NEW (1U << 0)
#define FUSE_IOMAP_F_DIRTY (1U << 1)
#define FUSE_IOMAP_F_SHARED (1U << 2)
#define FUSE_IOMAP_F_MERGED (1U << 3)
#define FUSE_IOMAP_F_BOUNDARY (1U << 4)
#define FUSE_IOMAP_F_ANON_WRITE (1U << 5)
#define FUSE_IOMAP_F_ATOMIC_BIO (1U << 6)
#define FUSE_IOMAP_F_WANT_IOMAP_END (1U << 7)
#define FUSE_IOMAP_F_SIZE_CHANGED (1U << 8)
#define FUSE_IOMAP_F_STALE (1U << 9)
#define FUSE_IOMAP_OP_WRITE (1U << 0)
#define FUSE_IOMAP_OP_ZERO (1U << 1)
#define FUSE_IOMAP_OP_REPORT (1U << 2)
#define FUSE_IOMAP_OP_FAULT (1U << 3)
#define FUSE_IOMAP_OP_DIRECT (1U << 4)
#define FUSE_IOMAP_OP_NOWAIT (1U << 5)
#define FUSE_IOMAP_OP_OVERWRITE_ONLY (1U << 6)
#define FUSE_IOMAP_OP_UNSHARE (1U << 7)
#define FUSE_IOMAP_OP_DAX (1U << 8)
#define FUSE_IOMAP_OP_ATOMIC (1U << 9)
#define FUSE_IOMAP_OP_DONTCACHE (1U << 10)
#define FUSE_IOMAP_OP_SWAPFILE (1U << 30)
#define FUSE_IOMAP_OP_WRITEBACK (1U << 31)
#define FUSE_IOMAP_DEV_NULL (0U)
#define FUSE_IOMAP_NULL_ADDR (-1ULL)
#define FUSE_IOMAP_IOEND_SHARED (1U << 0)
#define FUSE_IOMAP_IOEND_UNWRITTEN (1U << 1)
#define FUSE_IOMAP_IOEND_BOUNDARY (1U << 2)
#define FUSE_IOMAP_IOEND_DIRECT (1U << 3)
#define FUSE_IOMAP_IOEND_APPEND (1U << 4)
#define FUSE_IOMAP_IOEND_WRITEBACK (1U << 5)
#define FUSE_IOMAP_IOEND_SWAPOFF (1U << 6)
#define FUSE_IOMAP_CONFIG_SID (1ULL << 0)
#define FUSE_IOMAP_CONFIG_UUID (1ULL << 1)
#define FUSE_IOMAP_CONFIG_BLOCKSIZE (1ULL << 2)
#define FUSE_IOMAP_CONFIG_MAX_LINKS (1ULL << 3)
#define FUSE_IOMAP_CONFIG_TIME (1ULL << 4)
#define FUSE_IOMAP_CONFIG_MAXBYTES (1ULL << 5)
#define FUSE_IOMAP_CONFIG_CACHE_MAXBYTES (1ULL << 6)
#define FUSE_IOMAP_INVAL_TO_EOF (-1ULL)

enum fuse_opcode {
  FUSE_READ = 15,
  FUSE_WRITE = 16,
  FUSE_INIT = 26,
  FUSE_FREEZE_FS = 4089,
  FUSE_UNFREEZE_FS = 4090,
  FUSE_SHUTDOWN_FS = 4091,
  FUSE_IOMAP_CONFIG = 4092,
  FUSE_IOMAP_IOEND = 4093,
  FUSE_IOMAP_BEGIN = 4094,
  FUSE_IOMAP_END = 4095,
};
enum fuse_notify_code {
  FUSE_NOTIFY_POLL = 1,
  FUSE_NOTIFY_STORE = 4,
  FUSE_NOTIFY_IOMAP_DEV_INVAL = 99,
  FUSE_NOTIFY_IOMAP_UPSERT_MAPPINGS = 100,
  FUSE_NOTIFY_IOMAP_INVAL_MAPPINGS = 101,
};

struct fuse_iomap_io {
  uint64_t offset;
  uint64_t length;
  uint64_t addr;
  uint16_t type;
  uint16_t flags;
  uint32_t dev;
};
struct fuse_iomap_begin_in {
  uint32_t opflags;
  uint32_t reserved;
  uint64_t attr_ino;
  uint64_t pos;
  uint64_t count;
};
struct fuse_iomap_begin_out {
  struct fuse_iomap_io read;
  struct fuse_iomap_io write;
};
struct fuse_iomap_end_in {
  uint32_t opflags;
  uint32_t reserved;
  uint64_t attr_ino;
  uint64_t pos;
  uint64_t count;
  int64_t written;
  struct fuse_iomap_io map;
};
struct fuse_iomap_ioend_in {
  uint32_t flags;
  int32_t error;
  uint64_t attr_ino;
  uint64_t pos;
  uint64_t new_addr;
  uint64_t written;
  uint32_t dev;
  uint32_t pad;
};
struct fuse_iomap_ioend_out {
  uint64_t newsize;
};
struct fuse_iomap_config_in {
  uint64_t flags;
  int64_t maxbytes;
  uint32_t cache_maxbytes;
  uint32_t zero;
  uint64_t padding[5];
};
struct fuse_iomap_config_out {
  uint64_t flags;
  char s_id[32];
  uint8_t s_uuid[16];
  uint8_t s_uuid_len;
  uint8_t s_pad[3];
  uint32_t s_blocksize;
  uint32_t s_max_links;
  uint32_t s_time_gran;
  int64_t s_time_min;
  int64_t s_time_max;
  int64_t s_maxbytes;
  uint32_t cache_maxbytes;
  uint32_t pad;
};
struct fuse_range {
  uint64_t offset;
  uint64_t length;
};
struct fuse_iomap_dev_inval_out {
  uint32_t dev;
  uint32_t reserved;
  struct fuse_range range;
};
struct fuse_iomap_inval_mappings_out {
  uint64_t nodeid;
  uint64_t attr_ino;
  struct fuse_range read;
  struct fuse_range write;
};
struct fuse_iomap_upsert_mappings_out {
  uint64_t nodeid;
  uint64_t attr_ino;
  struct fuse_iomap_io read;
  struct fuse_iomap_io write;
};
struct fuse_freeze_fs_in {
  uint64_t unlinked;
};
struct fuse_shutdown_fs_in {
  uint64_t flags;
};
struct fuse_backing_map {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};
struct fuse_iomap_support {
  uint64_t flags;
  uint64_t padding;
};
struct fuse_iomap_blocksize {
  uint32_t id;
  uint32_t blocksize;
};

#define FUSE_DEV_IOC_MAGIC 229
#define FUSE_DEV_IOC_BACKING_OPEN _IOW(FUSE_DEV_IOC_MAGIC, 1, struct fuse_backing_map)
#define FUSE_DEV_IOC_BACKING_CLOSE _IOW(FUSE_DEV_IOC_MAGIC, 2, uint32_t)
#define FUSE_DEV_IOC_SYNC_INIT _IO(FUSE_DEV_IOC_MAGIC, 3)
#define FUSE_DEV_IOC_IOMAP_SUPPORT _IOR(FUSE_DEV_IOC_MAGIC, 99, struct fuse_iomap_support)
#define FUSE_DEV_IOC_SET_NOFS _IOW(FUSE_DEV_IOC_MAGIC, 100, uint32_t)
#define FUSE_DEV_IOC_ADD_IOMAP _IO(FUSE_DEV_IOC_MAGIC, 101)
#define FUSE_DEV_IOC_IOMAP_SET_BLOCKSIZE _IOW(FUSE_DEV_IOC_MAGIC, 102, struct fuse_iomap_blocksize)
#endif
