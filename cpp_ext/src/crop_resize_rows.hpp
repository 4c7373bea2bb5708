// One thread's way through the rows of a window.
//
// A window that gets smaller is blended vertically first: that reads whole rows, which vectorises
// well, and leaves as many rows to the horizontal pass as the output has. Its filter is as wide as
// two output rows, so that a source row between the centres of two of them weighs in both and in
// no other: it is read once.
//
// A window that gets larger has fewer rows before the vertical pass than after it, so it goes the
// other way round. Its filter is two source rows wide.
//
// Rows between the two passes are of 16-bit words where the processor has loops for them and no
// filter is too long for that (see words.hpp), else of floats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "crop_resize_loops.hpp"
#include "table.hpp"
#include "words.hpp"

namespace piza {

struct Plan {
    Content content;
    Table horizontal, vertical;
    bool in_words = false;
    WordColumns columns;  // of the tables, where it is
    WordRows rows;

    void build(const Window& window, const Frame& frame, int out_height, int out_width) {
        content = fit(window, out_height, out_width);
        horizontal.build(make_axis(window.x1, window.x2, content.width, frame.width),
                         content.width, kChannels);
        vertical.build(make_axis(window.y1, window.y2, content.height, frame.height),
                       content.height, 1);
        const WordLoops& loops = best_loops().words;
        in_words = loops.block_pixels > 0 &&
                   horizontal.length() >= static_cast<std::size_t>(loops.block_pixels) &&
                   std::max(horizontal.taps, vertical.taps) <= kMostTaps;
        if (!in_words) return;
        columns.build(horizontal, loops);
        if (!vertical.enlarges) rows.build(vertical);
    }

    // Words of a channel of a row, with those that may be read behind it; words carried along.
    std::size_t row_words() const { return horizontal.length() + kWordPadding; }
    std::size_t carried_words() const {
        const auto block = static_cast<std::size_t>(best_loops().words.block_pixels);
        return (horizontal.length() + block - 1) / block * block * kChannels;
    }
    std::size_t row_bytes() const { return horizontal.length() * kChannels; }
    std::size_t row_floats() const { return static_cast<std::size_t>(content.width) * kChannels; }
};

class Worker {
public:
    // Make room for a window, so that filling its rows allocates nothing.
    void reserve(const Frame& frame, const Plan& plan) {
        const auto taps = static_cast<std::size_t>(plan.vertical.taps);
        grow(lines_, taps);
        grow(weights_, 2 * taps);
        if (plan.in_words) {
            grow(fixed_weights_, 2 * taps);
            grow(words_, plan.row_words() * kChannels);
            grow(carried_, plan.carried_words());
        } else {
            grow(row_, plan.row_bytes() + kRowPadding);
            grow(next_row_, row_.size());  // they change places
        }
        if (!is_packed(frame)) grow(packed_, plan.row_bytes() * taps);
        if (plan.vertical.enlarges) grow(resized_, plan.row_floats() * taps);
    }

    // The rows of a window are then filled from top to bottom, from any on.
    void begin() {
        read_to_ = resized_to_ = 0;
        continues_ = false;
    }

    // Row i of the content, of each plane, at target[p * plane_size]. The row that is written after
    // it lies `next` places behind it.
    template <typename T>
    void fill(const Frame& frame, const Plan& plan, int i, const Planes& planes, T* target,
              std::size_t plane_size, std::size_t next) {
        if (plan.vertical.enlarges) {
            enlarge(frame, plan, i, planes, target, plane_size, next);
            return;
        }
        if (plan.in_words) {
            shrink_words(frame, plan, i);
        } else {
            shrink(frame, plan, i);
        }
        columns(plan, planes, target, plane_size);
    }

private:
    template <typename T>
    static void grow(std::vector<T>& buffer, std::size_t size) {
        if (buffer.size() < size) buffer.resize(size);
    }

    static void mix(const float* above, const float* below, const float* weights, int length,
                    float* out, std::size_t next) {
        best_loops().mix(above, below, weights, length, out, next);
    }
    static void mix(const float* above, const float* below, const float* weights, int length,
                    Half* out, std::size_t next) {
        best_loops().mix_half(above, below, weights, length, out, next);
    }
    static Filter filter(const Plan& plan) {
        const Table& table = plan.horizontal;
        return {table.taps, table.first.data(), table.weights.data()};
    }

    // A row of each plane from words_ or row_.
    void columns(const Plan& plan, const Planes& planes, float* out, std::size_t plane_size) {
        const Loops& loops = best_loops();
        const int width = plan.content.width;
        if (plan.in_words) {
            loops.words.resize(words_.data(), plan.row_words(), plan.columns.filter(width), planes,
                               out, plane_size);
        } else {
            loops.blend_columns(row_.data(), filter(plan), width, planes, out, plane_size);
        }
    }
    void columns(const Plan& plan, const Planes& planes, Half* out, std::size_t plane_size) {
        const Loops& loops = best_loops();
        const int width = plan.content.width;
        if (plan.in_words) {
            loops.words.resize_half(words_.data(), plan.row_words(), plan.columns.filter(width),
                                    planes, out, plane_size);
        } else {
            loops.blend_columns_half(row_.data(), filter(plan), width, planes, out, plane_size);
        }
    }

    // The source rows [middle, end) that weigh in row i behind its centre, those before it being
    // [first, middle).
    struct Segment {
        int first, middle, end;
        bool last;
    };
    static Segment segment(const Plan& plan, int i) {
        const Table& vertical = plan.vertical;
        const auto at = static_cast<std::size_t>(i);
        const int first = vertical.low + vertical.first[at];
        const bool last = i + 1 == plan.content.height;
        const int end = last ? first + vertical.taps : vertical.middle[at + 1];
        return {first, vertical.middle[at], end, last};
    }

    // words_ becomes row i; carried_ keeps what these source rows give to the row after it.
    void shrink_words(const Frame& frame, const Plan& plan, int i) {
        const Segment rows = segment(plan, i);
        if (plan.vertical.taps == 1) {
            spread(frame, plan, line(frame, plan, rows.first));
            return;
        }
        if (!continues_) carry(frame, plan, i - 1, rows.first, rows.middle);
        continues_ = true;
        carry(frame, plan, i, rows.middle, rows.end);
    }

    // Bytes from one source row to the next, where they are read as they lie.
    static std::ptrdiff_t below(const Frame& frame) {
        return is_packed(frame) ? frame.row_stride : 0;
    }

    // words_ becomes a source row.
    void spread(const Frame& frame, const Plan& plan, const std::uint8_t* line) {
        best_loops().words.spread(line, plan.horizontal.length(), below(frame), words_.data(),
                                  plan.row_words());
    }

    // The step of carried_ from row i to the next by source rows [from, to).
    void carry(const Frame& frame, const Plan& plan, int i, int from, int to) {
        const int count = gather(frame, plan, from, to);
        std::uint16_t* const weights = fixed_weights_.data();
        for (int k = 0; k < count; ++k) {
            weights[k] = fixed_weight(plan, i, from + k);
            weights[count + k] = fixed_weight(plan, i + 1, from + k);
        }
        const auto next = static_cast<std::size_t>(i + 1);
        const auto& starts = plan.rows.starts;
        const std::uint16_t start = next < starts.size() ? starts[next] : std::uint16_t{0};
        best_loops().words.blend(lines_.data(), weights, count, plan.horizontal.length(),
                                 count * below(frame), start, carried_.data(), words_.data(),
                                 plan.row_words());
    }
    static std::uint16_t fixed_weight(const Plan& plan, int i, int y) {
        const Table& vertical = plan.vertical;
        if (i < 0 || i >= plan.content.height) return 0;
        const int k = y - vertical.low - vertical.first[static_cast<std::size_t>(i)];
        const int taps = vertical.taps;
        return k < 0 || k >= taps ? std::uint16_t{0}
                                  : plan.rows.weights[static_cast<std::size_t>(i * taps + k)];
    }

    // row_ becomes row i, not yet resized horizontally. next_row_ keeps what the source rows behind
    // the centre of row i give to the row after it.
    void shrink(const Frame& frame, const Plan& plan, int i) {
        const Table& vertical = plan.vertical;
        const Segment rows = segment(plan, i);
        if (continues_) {
            std::swap(row_, next_row_);
        } else {
            blend(frame, plan, i, rows.first, rows.middle);
        }
        continues_ = true;

        const int count = gather(frame, plan, rows.middle, rows.end);
        float* const present = weights_.data();
        float* const next = present + count;
        for (int k = 0; k < count; ++k) {
            present[k] = vertical.weight(i, rows.middle + k);
            next[k] = rows.last ? 0.0F : vertical.weight(i + 1, rows.middle + k);
        }
        best_loops().blend_between(lines_.data(), present, count, plan.row_bytes(), row_.data(),
                                   next_row_.data());
    }

    template <typename T>
    void enlarge(const Frame& frame, const Plan& plan, int i, const Planes& planes, T* target,
                 std::size_t plane_size, std::size_t next) {
        const Table& vertical = plan.vertical;
        const float alone[2] = {1.0F, 0.0F};
        const bool pair = vertical.taps > 1;
        const int first = vertical.low + vertical.first[static_cast<std::size_t>(i)];
        const float* const above = resized(frame, plan, first, planes);
        const float* const below = pair ? resized(frame, plan, first + 1, planes) : above;
        const int width = plan.content.width;
        for (int p = 0; p < kChannels; ++p) {
            mix(above + p * width, below + p * width, pair ? vertical.weights_of(i) : alone, width,
                target + p * plane_size, next);
        }
    }

    // row_ becomes the sum of source rows [from, to) as they weigh in row i.
    void blend(const Frame& frame, const Plan& plan, int i, int from, int to) {
        const int count = gather(frame, plan, from, to);
        for (int k = 0; k < count; ++k) {
            weights_[static_cast<std::size_t>(k)] = plan.vertical.weight(i, from + k);
        }
        best_loops().blend_rows(lines_.data(), weights_.data(), count, plan.row_bytes(),
                                row_.data());
    }

    // lines_ become source rows [from, to); returns their number.
    int gather(const Frame& frame, const Plan& plan, int from, int to) {
        for (int y = from; y < to; ++y) {
            lines_[static_cast<std::size_t>(y - from)] = line(frame, plan, y);
        }
        return to - from;
    }

    // The window's part of a source row, packed: where it lies, or else in a ring of rows.
    const std::uint8_t* line(const Frame& frame, const Plan& plan, int y) {
        const Table& horizontal = plan.horizontal;
        if (is_packed(frame)) {
            return frame.data + y * frame.row_stride + horizontal.low * frame.pixel_stride;
        }
        std::uint8_t* const slot =
            packed_.data() + static_cast<std::size_t>(y % plan.vertical.taps) * plan.row_bytes();
        if (y >= read_to_) {
            best_loops().pack_row(frame, y, horizontal.low, horizontal.high, slot);
            read_to_ = y + 1;
        }
        return slot;
    }

    // A source row resized horizontally and normalised, [plane][column], in a ring of rows.
    const float* resized(const Frame& frame, const Plan& plan, int y, const Planes& planes) {
        float* const slot =
            resized_.data() + static_cast<std::size_t>(y % plan.vertical.taps) * plan.row_floats();
        if (y >= resized_to_) {
            const std::uint8_t* const only = line(frame, plan, y);
            const float whole = 1.0F;
            if (plan.in_words) {
                spread(frame, plan, only);
            } else {
                best_loops().blend_rows(&only, &whole, 1, plan.row_bytes(), row_.data());
            }
            columns(plan, planes, slot, static_cast<std::size_t>(plan.content.width));
            resized_to_ = y + 1;
        }
        return slot;
    }

    std::vector<const std::uint8_t*> lines_;  // source rows, packed
    std::vector<float> weights_;              // of them
    std::vector<float> row_, next_row_;       // blends of them
    std::vector<std::uint16_t> fixed_weights_, carried_;
    std::vector<std::int16_t> words_;         // [channel][pixel]
    std::vector<std::uint8_t> packed_;        // those that did not lie packed
    std::vector<float> resized_;
    int read_to_ = 0, resized_to_ = 0;  // source rows before it are in their ring
    bool continues_ = false;            // next_row_ belongs to the row that comes next
};

}  // namespace piza
