// What one block of the CUDA kernel does for one tile of output pixels, phase by phase. A phase is
// a function of the thread's index; all threads of a block finish a phase before the next begins
// (crop_resize_cuda.cu puts barriers there, a test on the host loops over the threads).
//
//   place_window   the window's letterbox and axes, in double precision, by two threads
//   place_taps     the taps of the tile's rows and columns, in double precision, one thread each
// and in blend.hpp:
//   blend_rows     bytes -> rows of the tile: a thread takes 4 bytes of a source row, walks down
//                  the rows and keeps two output rows in its registers (see Segment)
//   blend_columns  a thread adds the taps of one column of the tile, for 4 rows, to registers
//                  (these two for each chunk of kChunkPixels source columns: any scale fits)
//   exchange       registers -> shared memory, normalised, so that ...
//   write          ... the threads of a warp write neighbours
//
// Budget for 3840x2160 -> 1333x750 (2.9 source pixels per output pixel), estimated from the machine
// code for sm_90, in instructions of one lane per source byte: the vertical pass 10 (a byte permute
// and two multiply-adds, since a byte weighs in two output rows, are 3; addresses, loads, weights
// and the rows that two groups read are the rest), the horizontal one 2.5, writing and tables 2.5.
// While 60 % of the memory's bandwidth moves the bytes of frame and output, an H200 can issue 15,
// an RTX 4090 85, an Orin 33: instructions, not memory, are what is short on data-centre chips.
// Double precision, 1/64 of the rate on most chips, is spent per row and column of a tile.
// Shared memory is accessed 16 bytes at a time, without bank conflicts where words of packed pixels
// are read (see unit_of); a thread that reads one pixel stores 3 byte columns, which do conflict.
#pragma once

#include "arithmetic.hpp"

namespace piza {

constexpr int kTile = 32;           // output pixels, both ways
constexpr int kThreads = 256;       // of a block
constexpr int kGroupRows = 8;       // output rows for which a thread walks down the source
constexpr int kGroups = kTile / kGroupRows;
constexpr int kQuad = 4;            // rows that lie together in shared memory
constexpr int kResidentBlocks = 4;  // of a multiprocessor: at most 64 registers a thread

// A multiple of 4, so that a chunk begins and ends with a word. Two chunks hold the about 98 source
// pixels of a tile of 3840 -> 1333, and the 39 words of one fill 5 quarters of a warp. With more
// than 56 pixels fewer blocks would be resident where shared memory is least (see below).
constexpr int kChunkPixels = 52;
constexpr int kChunkBytes = kChunkPixels * kChannels;

// A byte in bits 16 to 23 of a float is a subnormal number (or one of the first binade, which goes
// on in the same steps): byte * 2^-133, exactly, for one byte permute. The weights that it meets
// are scaled by kOne, the norms of the rows take the rest of the scale back (see add_weighed).
constexpr float kOne = 0x1p126F;
constexpr float kByteScale = 0x1p7F;

struct Job {
    Frame frame;
    const float* windows;  // (n, 4)
    int out_height, out_width;
    Planes planes;
};

// The source rows [begin, begin + count) and how they weigh. Row begin + k adds with the weight
// kOne - (share + k * step) to the present output row and with share + k * step to the next one.
//
// Shrinking, the filter is as wide as two output pixels: segment j holds the source rows between
// the centres of the output rows j and j + 1, where the one triangle falls as the other rises.
// Enlarging, an output row blends one or two source rows, which are its segment; its share begins
// as the weight of the second and ends as that of the first; nothing is kept for the next row.
struct alignas(16) Segment {
    int begin, count;
    float share, step;
};

// The taps [from, to) of an output column; tap from + k weighs 1 - |offset + k / support|.
struct alignas(16) Column {
    int from, to;
    float offset, norm;
};

struct alignas(16) Quad {
    float row[kQuad];
};

// Shared memory holds, for each byte column of a chunk, the tile's rows in quads. One unit of
// padding after every 4 byte columns lets 8 threads that store 4 byte columns each, or that load
// the 8 quads of one, touch all 32 banks once.
PIZA_HD unsigned unit_of(unsigned byte, unsigned quad) {
    return byte * (kTile / kQuad) + byte / 4 + quad;
}

struct Tile {
    union {
        Quad blended[kChunkBytes * (kTile / kQuad) + kChunkBytes / 4];
        float exchanged[kChannels][kTile][kTile + 1];
    };
    // For each group: what precedes its first row, its rows, an empty one that ends the look-ahead.
    Segment segments[kGroups][kGroupRows + 2];
    Column columns[kTile];
    Quad norms[kTile / kQuad];  // of the rows
    Axis axes[2];               // horizontal, vertical
    Content content;            // of no width where nothing is to be seen
    int low, high;              // source columns of the tile; low is a multiple of 4
};

// sm_86, 89 and 120 have the least shared memory; each block takes a KiB of it for the system.
constexpr std::size_t kLeastSharedMemory = 100 * 1024;
constexpr std::size_t kSharedMemoryOfBlock = (sizeof(Tile) + 127) / 128 * 128 + 1024;
static_assert(kResidentBlocks * kSharedMemoryOfBlock <= kLeastSharedMemory,
              "fewer blocks than the registers allow would be resident");

// Which tile of which window.
struct Place {
    int column, row;  // first output pixel
    int window;
};

// The window as far as the frame goes; of no size where nothing is left of it.
PIZA_HD Window seen_window(const float* xyxy, const Frame& frame) {
    const double width = static_cast<double>(frame.width);
    const double height = static_cast<double>(frame.height);
    const Window all{xyxy[0], xyxy[1], xyxy[2], xyxy[3]};
    const Window window{fmax(all.x1, -kWindowTolerance), fmax(all.y1, -kWindowTolerance),
                        fmin(all.x2, width + kWindowTolerance),
                        fmin(all.y2, height + kWindowTolerance)};
    const bool seen = all.x1 < all.x2 && all.y1 < all.y2 &&  // false for a NaN
                      all.x1 < width && all.y1 < height && all.x2 > 0.0 && all.y2 > 0.0;
    return seen ? window : Window{};
}

PIZA_HD void place_window(Tile& tile, const Job& job, const Place& place, int thread) {
    if (thread > 1) return;
    const Window window = seen_window(job.windows + 4 * place.window, job.frame);
    const bool seen = window.x1 < window.x2;
    const bool vertical = thread == 1;  // both threads take one path through the same instructions
    Content content{};
    if (seen) {
        content = fit(window, job.out_height, job.out_width);
        tile.axes[thread] = make_axis(vertical ? window.y1 : window.x1,
                                      vertical ? window.y2 : window.x2,
                                      vertical ? content.height : content.width,
                                      vertical ? job.frame.height : job.frame.width);
    }
    if (vertical) return;
    const bool beside = place.row >= content.top + content.height ||
                        place.row + kTile <= content.top;
    tile.content = beside ? Content{} : content;
    tile.low = tile.high = 0;
}

PIZA_HD void place_column(Tile& tile, const Place& place, int i) {
    const int j = place.column + i - tile.content.left;
    Column column{};
    if (j >= 0 && j < tile.content.width) {
        const Axis& axis = tile.axes[0];
        const Taps taps = taps_of(axis, j);
        column.from = taps.from;
        column.to = taps.to;
        column.offset = (0.5F - taps.centre) * axis.inverse_support;
        column.norm = 1.0F / sum_of_weights(taps, axis);
        if (j == 0 || i == 0) tile.low = taps.from / 4 * 4;
        if (j == tile.content.width - 1 || i == kTile - 1) tile.high = taps.to;
    }
    tile.columns[i] = column;
}

PIZA_HD bool shrinks(const Axis& axis) { return axis.ratio >= 1.0; }

// The first source row at or after the centre of output row j, and the rest of the way to it.
PIZA_HD int first_after(const Axis& axis, int j, double* rest) {
    const double centre = axis.start + product(j + 0.5, axis.ratio);
    const int row = bounded(ceil(centre - 0.5), axis.low, axis.high);
    *rest = row + 0.5 - centre;
    return row;
}

PIZA_HD Segment shrinking_segment(const Axis& axis, int j) {
    double rest, ignored;
    Segment segment{};
    segment.begin = first_after(axis, j, &rest);
    segment.count = first_after(axis, j + 1, &ignored) - segment.begin;
    if (segment.count > 0) segment.share = static_cast<float>(rest) * axis.inverse_support * kOne;
    segment.step = axis.inverse_support * kOne;
    return segment;
}

PIZA_HD Segment enlarging_segment(const Axis& axis, const Taps& taps, float sum) {
    Segment segment{};
    segment.begin = taps.from;
    segment.count = least_of(taps.to - taps.from, 2);
    const float first = weight_of(taps, axis, 0) / sum;
    segment.share = (1.0F - first) * kOne;
    segment.step = (2.0F * first - 1.0F) * kOne;
    return segment;
}

PIZA_HD void place_row(Tile& tile, const Place& place, int i) {
    const Axis& axis = tile.axes[1];
    const int j = place.row + i - tile.content.top;
    Segment segment{};
    float norm = 0.0F;
    if (tile.content.width > 0) {
        const bool shrinking = shrinks(axis);
        if (shrinking) segment = shrinking_segment(axis, j);  // an empty one beside the content
        if (j >= 0 && j < tile.content.height) {
            const Taps taps = taps_of(axis, j);
            const float sum = sum_of_weights(taps, axis);
            if (!shrinking) segment = enlarging_segment(axis, taps, sum);
            norm = shrinking ? kByteScale / sum : kByteScale;
        }
    }
    tile.segments[i / kGroupRows][1 + i % kGroupRows] = segment;
    tile.norms[i / kQuad].row[i % kQuad] = norm;
}

// The segments around the rows of a group.
PIZA_HD void place_ends(Tile& tile, const Place& place, int group) {
    const Axis& axis = tile.axes[1];
    const int j = place.row + group * kGroupRows - tile.content.top - 1;
    const bool used = tile.content.width > 0 && shrinks(axis);
    tile.segments[group][0] = used ? shrinking_segment(axis, j) : Segment{};
    tile.segments[group][kGroupRows + 1] = Segment{};
}

PIZA_HD void place_taps(Tile& tile, const Place& place, int thread) {
    if (thread < kTile) {
        place_column(tile, place, thread);
    } else if (thread < 2 * kTile) {
        place_row(tile, place, thread - kTile);
    } else if (thread < 2 * kTile + kGroups) {
        place_ends(tile, place, thread - 2 * kTile);
    }
}

}  // namespace piza
