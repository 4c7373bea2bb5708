// What the kernels are to compute, from its definition, slowly and in double precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "arithmetic.hpp"

struct Tap {
    int at;
    double weight;
};

// The filter of one output position, from its definition, in double precision.
inline std::vector<Tap> filter(double start, double stop, int out_size, int in_size, int j) {
    const double ratio = (stop - start) / out_size;
    const double support = std::max(1.0, ratio), centre = start + (j + 0.5) * ratio;
    std::vector<Tap> taps;
    double sum = 0.0;
    for (int i = 0; i < in_size; ++i) {
        const double weight = 1.0 - std::abs(i + 0.5 - centre) / support;
        const bool overlaps = i + 1 > start && i < stop;
        if (!overlaps || weight <= 0.0) continue;
        taps.push_back({i, weight});
        sum += weight;
    }
    for (Tap& tap : taps) tap.weight /= sum;
    return taps;
}

inline std::vector<double> reference(const piza::Frame& frame, const piza::Window& window,
                                     int height, int width, const piza::Planes& planes) {
    const auto size = static_cast<std::size_t>(height) * width;
    std::vector<double> out(piza::kChannels * size, 0.0);
    const piza::Content content = piza::fit(window, height, width);
    const int in_height = static_cast<int>(frame.height), in_width = static_cast<int>(frame.width);
    std::vector<std::vector<Tap>> columns;
    for (int j = 0; j < content.width; ++j) {
        columns.push_back(filter(window.x1, window.x2, content.width, in_width, j));
    }
    std::vector<double> blended(static_cast<std::size_t>(in_width) * piza::kChannels);
    for (int i = 0; i < content.height; ++i) {
        std::fill(blended.begin(), blended.end(), 0.0);
        for (const Tap& row : filter(window.y1, window.y2, content.height, in_height, i)) {
            for (int x = 0; x < in_width; ++x) {
                std::uint8_t channels[piza::kChannels];
                piza::read_pixel(frame, row.at, x, channels);
                for (int c = 0; c < 3; ++c) blended[3 * x + c] += row.weight * channels[c];
            }
        }
        for (int j = 0; j < content.width; ++j) {
            double sums[piza::kChannels] = {};
            for (const Tap& tap : columns[j]) {
                for (int c = 0; c < 3; ++c) sums[c] += tap.weight * blended[3 * tap.at + c];
            }
            const std::size_t at =
                static_cast<std::size_t>(content.top + i) * width + content.left + j;
            for (int p = 0; p < piza::kChannels; ++p) {
                const int source = planes.source[p];
                out[p * size + at] = sums[source] * planes.scale[p] + planes.bias[p];
            }
        }
    }
    return out;
}
