// Memory for weights in large pages, where the system gives them: reading from front to back is then limited by memory and
// not by the translation of addresses. A large page holds more than one small matrix, so all matrices share slabs.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace pages {

// A piece of a slab. Slabs are given back when their last piece is.
class Piece {
 public:
  Piece() = default;
  ~Piece();
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;

  // Copies `bytes` to memory that starts on a cache line; null when there is not so much memory. The pages that they came
  // from are not needed soon, which the system is told.
  const uint8_t* copy(void* from, size_t bytes);

 private:
  struct Slab* slab_ = nullptr;
};

}  // namespace pages
