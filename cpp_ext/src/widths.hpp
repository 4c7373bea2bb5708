// What operators lay out memory by, whatever the width of a register is.
#pragma once

#include <cstddef>

namespace piza {

constexpr std::size_t kMultiple = 16;  // of floats, which every register's width divides
constexpr std::size_t kMostRows = 8;   // that loops work on at once

inline std::size_t padded(std::size_t count) {
    return (count + kMultiple - 1) / kMultiple * kMultiple;
}

}  // namespace piza
