// How a thread of the CUDA kernel reads its bytes of successive source rows.
#pragma once

#include "arithmetic.hpp"

#if defined(__CUDA_ARCH__)
#define PIZA_UNROLL _Pragma("unroll")
#define PIZA_ROLL _Pragma("unroll 1")
#else
#define PIZA_UNROLL
#define PIZA_ROLL
#endif

namespace piza {

constexpr int kBatch = 4;  // source rows that a thread loads at once

// A word of each row of packed pixels.
struct Words {
    static constexpr int kBytes = 4;
    const std::uint8_t* first_row;
    std::ptrdiff_t row_stride;  // fits 32 bits
};

// The 1 to 3 bytes that are left of a row where a word would go beyond it.
struct Tail {
    static constexpr int kBytes = 3;
    const std::uint8_t* first_row;
    std::ptrdiff_t row_stride;
    int valid;
};

// One pixel of each row of any picture.
struct Pixels {
    static constexpr int kBytes = kChannels;
    const Frame* frame;
    int x;
};

// The same bytes of successive rows; of rows that are not there, 0.
struct Batch {
    std::uint32_t rows[kBatch];
};

PIZA_HD std::uint32_t load(const Words&, std::uintptr_t address) {
#if defined(__CUDA_ARCH__)
    return __ldg(reinterpret_cast<const unsigned int*>(address));
#else
    std::uint32_t word;
    memcpy(&word, reinterpret_cast<const std::uint8_t*>(address), sizeof word);
    return word;
#endif
}

PIZA_HD std::uint32_t load(const Tail& source, std::uintptr_t address) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(address);
    std::uint32_t word = bytes[0];
    if (source.valid > 1) word |= static_cast<std::uint32_t>(bytes[1]) << 8;
    if (source.valid > 2) word |= static_cast<std::uint32_t>(bytes[2]) << 16;
    return word;
}

// first_row + row * row_stride: one instruction, where a compiler multiplies 64 by 64 bits.
PIZA_HD std::uintptr_t row_of(const std::uint8_t* first_row, int row, std::ptrdiff_t row_stride) {
#if defined(__CUDA_ARCH__)
    std::uintptr_t address;
    asm("mad.wide.s32 %0, %1, %2, %3;"
        : "=l"(address)
        : "r"(row), "r"(static_cast<int>(row_stride)), "l"(first_row));
    return address;
#else
    return reinterpret_cast<std::uintptr_t>(first_row) +
           static_cast<std::uintptr_t>(row * row_stride);
#endif
}

template <class Source>
PIZA_HD Batch load_batch(const Source& source, int row, int count) {
    Batch batch{};
    std::uintptr_t address = row_of(source.first_row, row, source.row_stride);
    PIZA_UNROLL
    for (int k = 0; k < kBatch; ++k) {
        if (k < count) batch.rows[k] = load(source, address);
        address += static_cast<std::uintptr_t>(source.row_stride);
    }
    return batch;
}

PIZA_HD Batch load_batch(const Pixels& source, int row, int count) {
    Batch batch{};
    PIZA_UNROLL
    for (int k = 0; k < kBatch; ++k) {
        if (k >= count) continue;
        std::uint8_t channels[kChannels];
        read_pixel(*source.frame, row + k, source.x, channels);
        batch.rows[k] = channels[0] | static_cast<std::uint32_t>(channels[1]) << 8 |
                        static_cast<std::uint32_t>(channels[2]) << 16;
    }
    return batch;
}

// Whether `Words` can read the frame: packed, at addresses that allow 4-byte loads.
static inline bool has_words(const Frame& frame) {
    return is_packed(frame) && reinterpret_cast<std::uintptr_t>(frame.data) % 4 == 0 &&
           frame.row_stride % 4 == 0 && frame.row_stride == static_cast<int>(frame.row_stride);
}

}  // namespace piza
