// Filters in fixed point, for the loops that blend rows of 16-bit words.
//
// A word holds a grey level v as (v - 128) * 256. The vertical pass adds up the high halves of
// products of v * 256 and a weight of 16 fraction bits: each cuts off less than 1/256 of a grey
// level, which the start of a sum makes up for on average. The horizontal pass adds products of
// words and weights of 15 fraction bits, exactly. The weights of a position are rounded so that
// their sum is 1. All in all a value is off by less than 1e-3 of the range where filters have no
// more than kMostTaps taps (by some 3e-5 as a rule).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "crop_resize_loops.hpp"
#include "table.hpp"

namespace piza {

// The weights of a position in units of 1 / `one`, which they add up to: the greatest takes what
// rounding the others leaves.
inline void quantise(const float* weights, int count, int one, int* fixed) {
    int left = one, greatest = 0;
    for (int k = 0; k < count; ++k) {
        fixed[k] = static_cast<int>(std::lrint(weights[k] * static_cast<float>(one)));
        left -= fixed[k];
        if (fixed[k] > fixed[greatest]) greatest = k;
    }
    fixed[greatest] += left;
}

// What a product of a weight with v * 256 loses on average, in units of 1/512 of a word: the last 8
// bits of v * weight, which are multiples of the greatest power of 2 that divides the weight.
inline int lost(int weight) { return 256 - std::min(weight & -weight, 256); }

// Of the vertical axis.
struct WordRows {
    std::vector<std::uint16_t> weights;  // [position * taps + k]
    std::vector<std::uint16_t> starts;   // of the sum of each position

    void build(const Table& table) {
        const auto taps = static_cast<std::size_t>(table.taps);
        weights.resize(table.weights.size());
        starts.resize(table.positions.size());
        int fixed[kMostTaps];
        std::size_t at = 0;
        for (std::uint16_t& start : starts) {
            quantise(&table.weights[at], table.taps, 1 << 16, fixed);
            int losses = 256;  // a half, for rounding
            for (std::size_t k = 0; k < taps; ++k) {
                if (fixed[k] > 0) losses += lost(fixed[k]);
                weights[at++] = static_cast<std::uint16_t>(std::min(fixed[k], 0xFFFF));
            }
            start = static_cast<std::uint16_t>(0x8000 + losses / 512);
        }
    }
};

// Of the horizontal axis. Weights are negative, so that 16 bits hold a weight of 1 exactly.
//
// Near: the taps of neighbouring positions lie so near to each other that one register holds those
// of a whole lane of positions, from which a shuffle picks a pair of taps for each: `index` tells
// it which, `weights` are [group][pair of taps][position][2].
// Far: a register holds 8 taps of one position; `weights` are [group][8 taps][position][8], where
// positions are in the order 0 4 1 5 2 6 3 7.
struct WordColumns {
    bool near = false;
    int steps = 0;              // pairs of taps, or eights
    std::vector<int> base;      // first pixel that is loaded, for each lane, or for each position
    std::vector<std::uint32_t> index;
    std::vector<std::int16_t> weights;

    void build(const Table& table, const WordLoops& loops) {
        const auto width = static_cast<int>(table.positions.size());
        near = fits(table, loops, width);
        if (near) {
            build_near(table, loops, width);
        } else {
            build_far(table, width);
        }
    }

    WordFilter filter(int width) const {
        return {base.data(), index.data(), weights.data(), steps, width, near};
    }

private:
    static int first(const Table& table, int j) {
        return table.first[static_cast<std::size_t>(j)] / kChannels;
    }

    static bool fits(const Table& table, const WordLoops& loops, int width) {
        if (table.taps > 2 * kMostPairs) return false;
        for (int j = 0; j < width; j += loops.lane_positions) {
            const int last = std::min(j + loops.lane_positions, width) - 1;
            if (first(table, last) + 2 - first(table, j) > loops.lane_words) return false;
        }
        return true;
    }

    void build_near(const Table& table, const WordLoops& loops, int width) {
        const int group = loops.group, lane = loops.lane_positions;
        const int groups = (width + group - 1) / group;
        steps = (table.taps + 1) / 2;
        base.assign(static_cast<std::size_t>(groups * group / lane), 0);
        index.assign(static_cast<std::size_t>(groups * group), 0);
        weights.assign(index.size() * static_cast<std::size_t>(2 * steps), 0);
        int fixed[kMostTaps];
        for (int j = 0; j < width; ++j) {
            int& low = base[static_cast<std::size_t>(j / lane)];
            if (j % lane == 0) low = first(table, j);
            const auto at = static_cast<std::uint32_t>(first(table, j) - low);
            index[static_cast<std::size_t>(j)] =
                loops.shuffles_bytes ? 2 * at * 0x01010101U + 0x03020100U : at | (at + 1) << 16;
            quantise(table.weights_of(j), table.taps, 1 << 15, fixed);
            for (int k = 0; k < table.taps; ++k) {
                const int pair = (j / group * steps + k / 2) * group + j % group;
                weights[static_cast<std::size_t>(2 * pair + k % 2)] =
                    static_cast<std::int16_t>(-fixed[k]);
            }
        }
    }

    void build_far(const Table& table, int width) {
        const int groups = (width + kFarGroup - 1) / kFarGroup;
        steps = (table.taps + 7) / 8;
        base.assign(static_cast<std::size_t>(groups * kFarGroup), 0);
        index.clear();
        weights.assign(base.size() * static_cast<std::size_t>(8 * steps), 0);
        int fixed[kMostTaps];
        for (int j = 0; j < width; ++j) {
            base[static_cast<std::size_t>(j)] = first(table, j);
            quantise(table.weights_of(j), table.taps, 1 << 15, fixed);
            const int place = j % 4 * 2 + j % kFarGroup / 4;
            for (int k = 0; k < table.taps; ++k) {
                const int eight = (j / kFarGroup * steps + k / 8) * kFarGroup + place;
                weights[static_cast<std::size_t>(8 * eight + k % 8)] =
                    static_cast<std::int16_t>(-fixed[k]);
            }
        }
    }
};

}  // namespace piza
