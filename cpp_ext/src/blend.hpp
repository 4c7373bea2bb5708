// The phases of a tile that touch pixels; tile.hpp says what each does and how memory is laid out.
#pragma once

#if defined(__CUDACC__)
#include <cuda_fp16.h>
#endif

#include "source.hpp"
#include "tile.hpp"

namespace piza {

PIZA_HD float scaled_byte(std::uint32_t word, int i) {
#if defined(__CUDA_ARCH__)
    return __uint_as_float(__byte_perm(word, 0, 0x4044 | i << 8));
#else
    const std::uint32_t bits = (word >> (8 * i) & 0xFFU) << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
#endif
}

// sum + weight * value for a value that may be subnormal: exact steps under any flags of the
// compiler, where -ftz=true would turn bytes below 128 into 0.
PIZA_HD float add_weighed(float sum, float weight, float value) {
#if defined(__CUDA_ARCH__)
    return __fmaf_ieee_rn(weight, value, sum);
#else
    return sum + weight * value;
#endif
}

// A few bytes of the output rows that the source rows at hand weigh in.
template <int kBytes>
struct Sums {
    float present[kBytes], next[kBytes];
};

template <bool kShrinks, int kBytes>
PIZA_HD void add_row(std::uint32_t word, float share, Sums<kBytes>& sums) {
    const float rest = kOne - share;
    PIZA_UNROLL
    for (int i = 0; i < kBytes; ++i) {
        const float value = scaled_byte(word, i);
        sums.present[i] = add_weighed(sums.present[i], rest, value);
        if (kShrinks) sums.next[i] = add_weighed(sums.next[i], share, value);
    }
}

// Up to kBatch rows that have been loaded; the first has the given share.
template <bool kShrinks, int kBytes>
PIZA_HD void add_batch(const Batch& batch, int count, float share, float step,
                       Sums<kBytes>& sums) {
    if (count < 1) return;
    add_row<kShrinks>(batch.rows[0], share, sums);
    if (count < 2) return;
    add_row<kShrinks>(batch.rows[1], share + step, sums);
    if (count < 3) return;
    add_row<kShrinks>(batch.rows[2], share + 2.0F * step, sums);
    if (count < 4) return;
    add_row<kShrinks>(batch.rows[3], share + 3.0F * step, sums);
}

template <bool kShrinks, class Source>
PIZA_HD void add_segment(const Source& source, const Segment& segment, const Batch& first,
                         Sums<Source::kBytes>& sums) {
    add_batch<kShrinks>(first, segment.count, segment.share, segment.step, sums);
    PIZA_ROLL
    for (int k = kBatch; k < segment.count; k += kBatch) {
        const Batch more = load_batch(source, segment.begin + k, segment.count - k);
        const float share = segment.share + static_cast<float>(k) * segment.step;
        add_batch<kShrinks>(more, segment.count - k, share, segment.step, sums);
    }
}

// One thread's bytes, from `byte` of the chunk on, of the rows of one group. The words of a segment
// are loaded before those of the segment before it are used: memory is slow, and threads are few.
template <bool kShrinks, class Source>
PIZA_HD void walk(const Source& source, int group, int byte, Tile& tile) {
    constexpr int kBytes = Source::kBytes;
    constexpr int kQuads = kGroupRows / kQuad;
    const Segment* segments = tile.segments[group];
    Sums<kBytes> sums{};
    Batch words = load_batch(source, segments[0].begin, segments[0].count);
    Batch ahead = load_batch(source, segments[1].begin, segments[1].count);
    add_segment<kShrinks>(source, segments[0], words, sums);
    PIZA_ROLL
    for (int quad = 0; quad < kQuads; ++quad) {
        Quad blended[kBytes];
        PIZA_UNROLL
        for (int r = 0; r < kQuad; ++r) {
            const int index = 1 + quad * kQuad + r;
            PIZA_UNROLL
            for (int i = 0; i < kBytes; ++i) {
                sums.present[i] = kShrinks ? sums.next[i] : 0.0F;
                sums.next[i] = 0.0F;
            }
            words = ahead;
            ahead = load_batch(source, segments[index + 1].begin, segments[index + 1].count);
            add_segment<kShrinks>(source, segments[index], words, sums);
            PIZA_UNROLL
            for (int i = 0; i < kBytes; ++i) blended[i].row[r] = sums.present[i];
        }
        PIZA_UNROLL
        for (int i = 0; i < kBytes; ++i) {
            tile.blended[unit_of(byte + i, group * kQuads + quad)] = blended[i];
        }
    }
}

template <class Source>
PIZA_HD void walk(const Source& source, int group, int byte, Tile& tile) {
    if (shrinks(tile.axes[1])) {
        walk<true>(source, group, byte, tile);
    } else {
        walk<false>(source, group, byte, tile);
    }
}

// The threads of a group: whole quarters of a warp, so that the 8 lanes whose stores go together
// are of one group; the rest of the warp works for the next groups.
PIZA_HD int slots_of(int items) { return (items + 7) / 8 * 8; }

static_assert((kChunkPixels + 7) / 8 * 8 * kGroups <= kThreads, "a thread for each pixel or word");

template <bool kWords>
PIZA_HD void blend_rows(Tile& tile, const Job& job, int chunk, int thread) {
    const int pixels = least_of(tile.high - chunk, kChunkPixels);
    const int items = kWords ? (pixels * kChannels + 3) / 4 : pixels;
    const int slots = slots_of(items);
    const int group = thread / slots;
    const int item = thread % slots;
    if (group >= kGroups || item >= items) return;
    if constexpr (kWords) {
        const int byte = chunk * kChannels + item * Words::kBytes;
        const int valid = static_cast<int>(job.frame.width) * kChannels - byte;
        const std::uint8_t* first_row = job.frame.data + byte;
        const std::ptrdiff_t row_stride = job.frame.row_stride;
        if (valid >= Words::kBytes) {
            walk(Words{first_row, row_stride}, group, item * Words::kBytes, tile);
        } else {
            walk(Tail{first_row, row_stride, valid}, group, item * Words::kBytes, tile);
        }
    } else {
        walk(Pixels{&job.frame, chunk + item}, group, item * kChannels, tile);
    }
}

// Thread -> column of the tile and quad of its rows.
PIZA_HD int column_of(int thread) { return thread / (kTile / kQuad); }
PIZA_HD int quad_of(int thread) { return thread % (kTile / kQuad); }

PIZA_HD float triangle(float position) {
#if defined(__CUDA_ARCH__)
    return __saturatef(1.0F - fabsf(position));
#else
    return fmaxf(0.0F, 1.0F - fabsf(position));
#endif
}

PIZA_HD void blend_columns(const Tile& tile, int chunk, int thread, Quad* sums) {
    const Column column = tile.columns[column_of(thread)];
    const int quad = quad_of(thread);
    const float step = tile.axes[0].inverse_support;
    const int begin = most_of(column.from, chunk);
    const int end = least_of(column.to, chunk + kChunkPixels);
    float k = static_cast<float>(begin - column.from);
    int byte = (begin - chunk) * kChannels;
    for (int x = begin; x < end; ++x, byte += kChannels, k += 1.0F) {
        const float weight = triangle(k * step + column.offset);
        PIZA_UNROLL
        for (int c = 0; c < kChannels; ++c) {
            const Quad value = tile.blended[unit_of(byte + c, quad)];
            PIZA_UNROLL
            for (int r = 0; r < kQuad; ++r) sums[c].row[r] += weight * value.row[r];
        }
    }
}

PIZA_HD void exchange(Tile& tile, int thread, const Quad* sums) {
    const int column = column_of(thread);
    const int quad = quad_of(thread);
    const Quad norms = tile.norms[quad];
    PIZA_UNROLL
    for (int r = 0; r < kQuad; ++r) {
        const float norm = norms.row[r] * tile.columns[column].norm;
        PIZA_UNROLL
        for (int c = 0; c < kChannels; ++c) {
            tile.exchanged[c][quad * kQuad + r][column] = sums[c].row[r] * norm;
        }
    }
}

PIZA_HD void write_value(float value, float* target) { *target = value; }

PIZA_HD void write_value(float value, Half* target) {
#if defined(__CUDA_ARCH__)
    target->bits = __half_as_ushort(__float2half_rn(value));
#else
    store(value, target);
#endif
}

template <typename T>
PIZA_HD void write(const Tile& tile, const Job& job, const Place& place, int thread, T* out) {
    constexpr int kRowsAtOnce = kThreads / kTile;
    const Content& content = tile.content;
    const int column = thread % kTile;
    const int x = place.column + column;
    if (x >= job.out_width) return;
    const bool beside = x < content.left || x >= content.left + content.width;
    const std::int64_t plane_size = static_cast<std::int64_t>(job.out_height) * job.out_width;
    T* const image = out + kChannels * plane_size * place.window;
    for (int row = thread / kTile; row < kTile; row += kRowsAtOnce) {
        const int y = place.row + row;
        if (y >= job.out_height) return;
        const bool bar = beside || y < content.top || y >= content.top + content.height;
        T* target = image + static_cast<std::int64_t>(y) * job.out_width + x;
        PIZA_UNROLL
        for (int p = 0; p < kChannels; ++p, target += plane_size) {
            const float value = tile.exchanged[job.planes.source[p]][row][column];
            write_value(bar ? 0.0F : value * job.planes.scale[p] + job.planes.bias[p], target);
        }
    }
}

}  // namespace piza
