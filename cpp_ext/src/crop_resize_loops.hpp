// The inner loops of the CPU kernel. They are compiled once for each instruction set that a
// machine may have (see CMakeLists.txt), and the best that this processor runs is chosen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arithmetic.hpp"

namespace piza {

constexpr std::size_t kCacheLine = 64;  // bytes, of most processors
constexpr std::size_t kRowPadding = 1;  // floats beyond the end of a row that may be read

// The filter of a row: `taps` weights for each output position, those not needed being 0, and the
// float of the row where the first pixel of each begins.
struct Filter {
    int taps;
    const int* first;
    const float* weights;  // [position * taps + k]
};

constexpr int kMostTaps = 32;  // of filters in fixed point: how far their error may add up
constexpr int kMostPairs = 3;  // of taps, of a near filter
constexpr int kFarGroup = 8;
constexpr std::size_t kWordPadding = 48;  // words behind a row of them that may be read

// A filter of rows of words; words.hpp tells what its arrays hold.
struct WordFilter {
    const int* base;
    const std::uint32_t* index;
    const std::int16_t* weights;
    int steps, width;
    bool near;
};

// Loops in fixed point, over rows of words (see words.hpp), for instruction sets that have them.
struct WordLoops {
    int block_pixels;    // the fewest that a row may have; 0: there are no such loops
    int lane_positions;  // of a near filter, which are picked from one register ...
    int lane_words;      // ... of so many words
    int group;           // positions that are made at once
    bool shuffles_bytes;

    // Each word of `carried` adds weights[k] * lines[k], which makes `planes` [channel][pixel], and
    // becomes start + weights[count + k] * lines[k]. At most kMostTaps lines, block_pixels or more
    // pixels. `carried` holds blocks of pixels as these loops like them. The lines that come next
    // lie `below` bytes behind these.
    void (*blend)(const std::uint8_t* const* lines, const std::uint16_t* weights, int count,
                  std::size_t pixels, std::ptrdiff_t below, std::uint16_t start,
                  std::uint16_t* carried, std::int16_t* planes, std::size_t plane);

    // One line alone, exactly.
    void (*spread)(const std::uint8_t* line, std::size_t pixels, std::ptrdiff_t below,
                   std::int16_t* planes, std::size_t plane);

    // One row of each plane of the output, from a row of words.
    void (*resize)(const std::int16_t* words, std::size_t plane, const WordFilter& filter,
                   const Planes& planes, float* out, std::size_t out_plane);
    void (*resize_half)(const std::int16_t* words, std::size_t plane, const WordFilter& filter,
                        const Planes& planes, Half* out, std::size_t out_plane);
};

struct Loops {
    // row[x] = sum over k < count of weights[k] * lines[k][x], for x in [0, length)
    void (*blend_rows)(const std::uint8_t* const* lines, const float* weights, int count,
                       std::size_t length, float* row);

    // The same into two rows of pixels at once: present[x] += weights[k] * lines[k][x], while
    // next[x] = weights[count + k] * lines[k][x].
    void (*blend_between)(const std::uint8_t* const* lines, const float* weights, int count,
                          std::size_t length, float* present, float* next);

    // One row of each plane, out[p * plane_size + j] for j in [0, width), from a row of pixels.
    void (*blend_columns)(const float* row, const Filter& filter, int width, const Planes& planes,
                          float* out, std::size_t plane_size);
    void (*blend_columns_half)(const float* row, const Filter& filter, int width,
                               const Planes& planes, Half* out, std::size_t plane_size);

    // out[x] = weights[0] * above[x] + weights[1] * below[x], for x in [0, length). What lies `next`
    // places behind it is fetched, to be written soon.
    void (*mix)(const float* above, const float* below, const float* weights, int length,
                float* out, std::size_t next);
    void (*mix_half)(const float* above, const float* below, const float* weights, int length,
                     Half* out, std::size_t next);

    // Pixels [from, to) of row y of any frame, as packed bytes.
    void (*pack_row)(const Frame& frame, std::ptrdiff_t y, std::ptrdiff_t from, std::ptrdiff_t to,
                     std::uint8_t* packed);

    WordLoops words;
};

extern const Loops loops_baseline;
#if defined(PIZA_X86)
extern const Loops loops_avx2, loops_avx512;
#endif

// The fastest that this processor runs, and its name: "avx512", "avx2" or "baseline".
const Loops& best_loops();
const char* instruction_set();

}  // namespace piza
