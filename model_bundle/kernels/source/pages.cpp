#include "pages.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

namespace pages {

struct Slab {
  uint8_t* mapped;
  size_t mapped_bytes;
  uint8_t* start;  // on a large page
  size_t room, used, settled;
  int pieces;
};

namespace {

constexpr size_t kPage = size_t{2} << 20, kSmall = 4096, kSlab = size_t{256} << 20;
constexpr int kCollapse = 25, kPageOut = 21;  // MADV_COLLAPSE, MADV_PAGEOUT of <linux/mman.h>

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
Slab* filling = nullptr;  // the one that new pieces go to

Slab* open_slab(size_t at_least) {
  const size_t room = at_least > kSlab ? (at_least + kPage - 1) / kPage * kPage : kSlab;
  Slab* slab = static_cast<Slab*>(malloc(sizeof(Slab)));
  if (slab == nullptr) return nullptr;
  void* mapped = mmap(nullptr, room + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    free(slab);
    return nullptr;
  }
  uint8_t* first = static_cast<uint8_t*>(mapped);
  uint8_t* start = first + (kPage - reinterpret_cast<size_t>(first) % kPage) % kPage;
  madvise(start, room, MADV_HUGEPAGE);  // advice: small pages only cost time
  *slab = {first, room + kPage, start, room, 0, 0, 0};
  return slab;
}

void close_slab(Slab* slab) {
  munmap(slab->mapped, slab->mapped_bytes);
  free(slab);
}

// Asks for a large page wherever one is filled and the system had none at hand when it was written first.
void settle(Slab* slab) {
  const size_t whole = slab->used / kPage * kPage;
  if (whole > slab->settled) madvise(slab->start + slab->settled, whole - slab->settled, kCollapse);
  slab->settled = whole;
}

void give_back(void* start, size_t bytes) {
  const size_t begin = (reinterpret_cast<size_t>(start) + kSmall - 1) / kSmall * kSmall;
  const size_t end = (reinterpret_cast<size_t>(start) + bytes) / kSmall * kSmall;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, kPageOut);
}

}  // namespace

const uint8_t* Piece::copy(void* from, size_t bytes) {
  pthread_mutex_lock(&lock);
  uint8_t* to = nullptr;
  if (filling == nullptr || filling->room - filling->used < bytes) {
    Slab* opened = open_slab(bytes);
    if (opened != nullptr) filling = opened;  // the one before is closed with its last piece
    if (opened == nullptr) {
      pthread_mutex_unlock(&lock);
      return nullptr;
    }
  }
  slab_ = filling;
  to = slab_->start + slab_->used;
  slab_->used += (bytes + 63) / 64 * 64;
  ++slab_->pieces;
  memcpy(to, from, bytes);
  settle(slab_);
  pthread_mutex_unlock(&lock);
  give_back(from, bytes);
  return to;
}

Piece::~Piece() {
  if (slab_ == nullptr) return;
  pthread_mutex_lock(&lock);
  if (--slab_->pieces == 0) {
    if (slab_ == filling) filling = nullptr;
    close_slab(slab_);
  }
  pthread_mutex_unlock(&lock);
}

}  // namespace pages
