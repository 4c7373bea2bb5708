// One thread's way through the rows of a window.
//
// A window that gets smaller is blended vertically first: that reads whole rows, which vectorises
// well, and leaves as many rows to the horizontal pass as the output has. Its filter is as wide as
// two output rows, so that a source row between the centres of two of them weighs in both and in
// no other: it is read once.
//
// A window that gets larger has fewer rows before the vertical pass than after it, so it goes the
// other way round. Its filter is two source rows wide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "crop_resize_loops.hpp"
#include "table.hpp"

namespace piza {

struct Plan {
    Content content;
    Table horizontal, vertical;

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
        grow(row_, plan.row_bytes() + kRowPadding);
        if (!is_packed(frame)) grow(packed_, plan.row_bytes() * taps);
        grow(next_row_, row_.size());  // they change places
        if (plan.vertical.enlarges) grow(resized_, plan.row_floats() * taps);
    }

    // The rows of a window are then filled from top to bottom, from any on.
    void begin() {
        read_to_ = resized_to_ = 0;
        continues_ = false;
    }

    // Row i of the content, of each plane, at target[p * plane_size].
    template <typename T>
    void fill(const Frame& frame, const Plan& plan, int i, const Planes& planes, T* target,
              std::size_t plane_size) {
        if (plan.vertical.enlarges) {
            enlarge(frame, plan, i, planes, target, plane_size);
        } else {
            shrink(frame, plan, i);
            columns(row_.data(), plan, planes, target, plane_size);
        }
    }

private:
    template <typename T>
    static void grow(std::vector<T>& buffer, std::size_t size) {
        if (buffer.size() < size) buffer.resize(size);
    }

    static void mix(const float* above, const float* below, const float* weights, int length,
                    float* out) {
        best_loops().mix(above, below, weights, length, out);
    }
    static void mix(const float* above, const float* below, const float* weights, int length,
                    Half* out) {
        best_loops().mix_half(above, below, weights, length, out);
    }
    static Filter filter(const Plan& plan) {
        const Table& table = plan.horizontal;
        return {table.taps, table.first.data(), table.weights.data()};
    }
    static void columns(const float* row, const Plan& plan, const Planes& planes, float* out,
                        std::size_t plane_size) {
        best_loops().blend_columns(row, filter(plan), plan.content.width, planes, out, plane_size);
    }
    static void columns(const float* row, const Plan& plan, const Planes& planes, Half* out,
                        std::size_t plane_size) {
        best_loops().blend_columns_half(row, filter(plan), plan.content.width, planes, out,
                                        plane_size);
    }

    // row_ becomes row i, not yet resized horizontally. next_row_ keeps what the source rows behind
    // the centre of row i give to the row after it.
    void shrink(const Frame& frame, const Plan& plan, int i) {
        const Table& vertical = plan.vertical;
        const auto at = static_cast<std::size_t>(i);
        const bool last = i + 1 == plan.content.height;
        const int first = vertical.low + vertical.first[at];
        const int middle = vertical.middle[at];
        const int end = last ? first + vertical.taps : vertical.middle[at + 1];
        if (continues_) {
            std::swap(row_, next_row_);
        } else {
            blend(frame, plan, i, first, middle);
        }
        continues_ = true;

        const int count = gather(frame, plan, middle, end);
        float* const present = weights_.data();
        float* const next = present + count;
        for (int k = 0; k < count; ++k) {
            present[k] = vertical.weight(i, middle + k);
            next[k] = last ? 0.0F : vertical.weight(i + 1, middle + k);
        }
        best_loops().blend_between(lines_.data(), present, count, plan.row_bytes(), row_.data(),
                                   next_row_.data());
    }

    template <typename T>
    void enlarge(const Frame& frame, const Plan& plan, int i, const Planes& planes, T* target,
                 std::size_t plane_size) {
        const Table& vertical = plan.vertical;
        const float alone[2] = {1.0F, 0.0F};
        const bool pair = vertical.taps > 1;
        const int first = vertical.low + vertical.first[static_cast<std::size_t>(i)];
        const float* const above = resized(frame, plan, first, planes);
        const float* const below = pair ? resized(frame, plan, first + 1, planes) : above;
        const int width = plan.content.width;
        for (int p = 0; p < kChannels; ++p) {
            mix(above + p * width, below + p * width, pair ? vertical.weights_of(i) : alone, width,
                target + p * plane_size);
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
            best_loops().blend_rows(&only, &whole, 1, plan.row_bytes(), row_.data());
            columns(row_.data(), plan, planes, slot, static_cast<std::size_t>(plan.content.width));
            resized_to_ = y + 1;
        }
        return slot;
    }

    std::vector<const std::uint8_t*> lines_;  // source rows, packed
    std::vector<float> weights_;              // of them
    std::vector<float> row_, next_row_;       // blends of them
    std::vector<std::uint8_t> packed_;        // those that did not lie packed
    std::vector<float> resized_;
    int read_to_ = 0, resized_to_ = 0;  // source rows before it are in their ring
    bool continues_ = false;            // next_row_ belongs to the row that comes next
};

}  // namespace piza
