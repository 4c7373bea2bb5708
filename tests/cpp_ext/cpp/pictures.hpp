// Random pictures of every layout, in memory of exactly the bytes that they need, so that a
// sanitizer sees every step beyond, and random windows on them.
#pragma once

#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "arithmetic.hpp"

using Random = std::mt19937;

inline int between(Random& random, int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
}

// Memory of exactly the bytes that the picture needs, on a 4-byte boundary plus `shift`.
struct Picture {
    std::vector<std::unique_ptr<std::uint8_t[]>> memory;
    piza::Frame frame;

    std::uint8_t* allocate(Random& random, std::ptrdiff_t size, int shift) {
        const auto bytes = static_cast<std::size_t>(size + shift);
        memory.push_back(std::make_unique<std::uint8_t[]>(bytes));
        for (std::size_t i = 0; i < bytes; ++i) {
            memory.back()[i] = static_cast<std::uint8_t>(random());
        }
        return memory.back().get() + shift;
    }
};

inline Picture packed(Random& random, int height, int width, int padding, int shift = 0) {
    Picture picture;
    const std::ptrdiff_t stride = (3 * width + 3) / 4 * 4 + padding;
    const std::ptrdiff_t size = (height - 1) * stride + 3 * width;
    const std::uint8_t* data = picture.allocate(random, size, shift);
    picture.frame = {data, height, width, stride, 3, 1, nullptr, 0};
    return picture;
}

inline Picture upside_down(Random& random, int height, int width) {
    Picture picture = packed(random, height, width, 0);
    piza::Frame& frame = picture.frame;
    frame.data += (height - 1) * frame.row_stride;
    frame.row_stride = -frame.row_stride;
    return picture;
}

inline Picture planar(Random& random, int height, int width) {
    Picture picture;
    const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(height) * width;
    std::uint8_t* data = picture.allocate(random, 3 * plane, 1);
    picture.frame = {data, height, width, width, 1, plane, nullptr, 0};
    return picture;
}

inline Picture gray(Random& random, int height, int width) {
    Picture picture;
    std::uint8_t* data = picture.allocate(random, static_cast<std::ptrdiff_t>(height) * width, 0);
    picture.frame = {data, height, width, width, 1, 0, nullptr, 0};
    return picture;
}

inline Picture nv12(Random& random, int height, int width) {
    Picture picture;
    const int even_height = 2 * height, even_width = 2 * width, pitch = even_width + 5;
    std::uint8_t* luma =
        picture.allocate(random, static_cast<std::ptrdiff_t>(even_height) * even_width, 0);
    std::uint8_t* chroma = picture.allocate(random, (height - 1) * pitch + even_width, 0);
    picture.frame = {luma, even_height, even_width, even_width, 1, 0, chroma, pitch};
    return picture;
}

inline Picture any_picture(Random& random, int height, int width) {
    switch (between(random, 0, 6)) {
        case 0: return packed(random, height, width, 0, 1);
        case 1: return planar(random, height, width);
        case 2: return gray(random, height, width);
        case 3: return nv12(random, height, width);
        case 4: return upside_down(random, height, width);
        default: return packed(random, height, width, 4 * between(random, 0, 3));
    }
}

inline piza::Window any_window(Random& random, const piza::Frame& frame) {
    const auto width = static_cast<double>(frame.width);
    const auto height = static_cast<double>(frame.height);
    std::uniform_real_distribution<double> unit(0.0, 1.0);
    if (between(random, 0, 2) == 0) return {0.0, 0.0, width, height};
    const double x1 = unit(random) * (width - 0.1), y1 = unit(random) * (height - 0.1);
    piza::Window window{x1, y1, x1 + 0.05 + unit(random) * (width - x1 - 0.05),
                  y1 + 0.05 + unit(random) * (height - y1 - 0.05)};
    if (between(random, 0, 1) == 0) {
        window = {std::floor(x1), std::floor(y1), std::ceil(window.x2), std::ceil(window.y2)};
    }
    return window;
}
