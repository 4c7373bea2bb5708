// The filter of one axis of a window as a table, as the loops want it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "arithmetic.hpp"

namespace piza {

struct Table {
    int taps = 0;               // of every output position; those not needed weigh 0
    int low = 0, high = 0;      // source pixels that are read: [low, high)
    std::vector<int> first;     // first tap of each output position, from `low`, in units
    std::vector<float> weights;  // [position * taps + k]
    std::vector<int> middle;     // first source pixel at or behind the centre of each position
    std::vector<Taps> positions;  // of the output, as the axis has them
    bool enlarges = false;        // fewer source pixels than output positions

    std::size_t length() const { return static_cast<std::size_t>(high - low); }
    const float* weights_of(int j) const {
        return weights.data() + static_cast<std::size_t>(j) * taps;
    }

    // Weight of a source pixel in a position, for a unit of 1.
    float weight(int j, int pixel) const {
        const int k = pixel - low - first[static_cast<std::size_t>(j)];
        return k < 0 || k >= taps ? 0.0F : weights_of(j)[k];
    }

    // `unit`: numbers that a source pixel consists of.
    void build(const Axis& axis, int out_size, int unit) {
        low = axis.low;
        high = axis.high;
        enlarges = axis.ratio < 1.0;
        taps = 1;
        positions.resize(static_cast<std::size_t>(out_size));
        for (int j = 0; j < out_size; ++j) {
            const Taps position = taps_of(axis, j);
            taps = std::max(taps, position.to - position.from);
            positions[static_cast<std::size_t>(j)] = position;
        }
        first.resize(positions.size());
        middle.resize(positions.size());
        weights.assign(positions.size() * taps, 0.0F);
        float* row = weights.data();
        for (std::size_t j = 0; j < positions.size(); ++j, row += taps) {
            const Taps& position = positions[j];
            // At the far end the table starts earlier, so that no tap lies outside of the window.
            const int start = std::min(position.from, high - taps);
            const int count = position.to - position.from;
            float* const weight = row + (position.from - start);
            float sum = 0.0F;
            for (int k = 0; k < count; ++k) sum += weight[k] = weight_of(position, axis, k);
            const float normal = 1.0F / sum;
            for (int k = 0; k < count; ++k) weight[k] *= normal;
            first[j] = (start - low) * unit;
            middle[j] = position.from + bounded(std::ceil(position.centre - 0.5F), 0, taps);
        }
    }
};

}  // namespace piza
