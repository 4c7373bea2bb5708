// Crop, antialiased bilinear resize, letterbox, colour order and normalisation: the arithmetic.
//
// Coordinates: pixel i covers [i, i + 1), so its centre is i + 0.5. A window is a rectangle in
// frame pixels. It is scaled by s = min(W / w, H / h) and centred; content pixel j samples the
// source at x1 + (j + 0.5) * w / content_w. Outside of the content the output is 0, which is the
// mean colour after normalisation.
//
// The filter is a triangle of half-width max(1, source pixels per output pixel), its weights
// normalised over the pixels that exist. It is separable. The vertical pass comes first: it
// reads whole packed rows, which vectorises well, and leaves H rows to the horizontal pass.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace piza {

constexpr int kChannels = 3;

struct Window {
    double x1, y1, x2, y2;  // frame pixels
};

// An h x w x 3 picture of bytes; strides in bytes, of any sign.
struct Frame {
    const std::uint8_t* data;
    std::ptrdiff_t height, width;
    std::ptrdiff_t row_stride, pixel_stride, channel_stride;

    bool packed() const { return channel_stride == 1 && pixel_stride == kChannels; }
};

// Where the resized window lies in the network input.
struct Content {
    int width, height, left, top;
};

// output[plane] = value of frame channel source[plane] * scale[plane] + bias[plane]
struct Planes {
    int source[kChannels];
    float scale[kChannels];
    float bias[kChannels];
};

inline int round_half_up(double value, int low, int high) {
    const double rounded = std::floor(value + 0.5);
    return static_cast<int>(std::min<double>(std::max<double>(rounded, low), high));
}

// The letterbox rule. Products stand alone so that no compiler fuses them with the rounding.
inline Content fit(const Window& window, int out_height, int out_width) {
    const double width = window.x2 - window.x1;
    const double height = window.y2 - window.y1;
    const double scale = std::min(out_width / width, out_height / height);
    const double scaled_width = scale * width;
    const double scaled_height = scale * height;
    Content content{};
    content.width = round_half_up(scaled_width, 1, out_width);
    content.height = round_half_up(scaled_height, 1, out_height);
    content.left = (out_width - content.width) / 2;
    content.top = (out_height - content.height) / 2;
    return content;
}

// The pixels, and their weights, that each output position of one axis blends.
struct Axis {
    std::ptrdiff_t low = 0, high = 0;  // every tap lies in [low, high)
    std::vector<std::ptrdiff_t> first;
    std::vector<std::size_t> begin;  // weights of output j: weights[begin[j] .. begin[j + 1])
    std::vector<float> weights;

    void build(double start, double stop, int out_size, std::ptrdiff_t in_size) {
        const double ratio = (stop - start) / out_size;  // source pixels per output pixel
        const double support = std::max(1.0, ratio);
        low = clamp(std::floor(start), 0, in_size - 1);
        high = clamp(std::ceil(stop), low + 1, in_size);
        first.clear();
        weights.clear();
        begin.assign(1, 0);
        for (int j = 0; j < out_size; ++j) {
            const double centre = start + (j + 0.5) * ratio;
            const std::ptrdiff_t from = clamp(std::floor(centre - support), low, high - 1);
            const std::ptrdiff_t to = clamp(std::ceil(centre + support), from + 1, high);
            add(centre, support, from, to);
        }
    }

private:
    static std::ptrdiff_t clamp(double value, std::ptrdiff_t least, std::ptrdiff_t most) {
        const double bounded = std::max(value, static_cast<double>(least));
        return static_cast<std::ptrdiff_t>(std::min(bounded, static_cast<double>(most)));
    }

    // The pixel under the centre weighs at least a half before normalising: the sum is never 0.
    void add(double centre, double support, std::ptrdiff_t from, std::ptrdiff_t to) {
        double sum = 0.0;
        for (std::ptrdiff_t i = from; i < to; ++i) {
            const double weight = std::max(0.0, 1.0 - std::abs(i + 0.5 - centre) / support);
            weights.push_back(static_cast<float>(weight));
            sum += weight;
        }
        for (std::size_t k = begin.back(); k < weights.size(); ++k) {
            weights[k] = static_cast<float>(weights[k] / sum);
        }
        first.push_back(from);
        begin.push_back(weights.size());
    }
};

// Buffers that the windows of a call share.
struct Scratch {
    Axis horizontal, vertical;
    std::vector<std::uint8_t> packed;
    std::vector<float> row;
};

// row[x] = sum over k of weights[k] * source[k * stride + x], in blocks that stay in registers.
inline void blend_rows(const std::uint8_t* source, std::ptrdiff_t stride, const float* weights,
                       std::size_t taps, std::size_t length, float* row) {
    constexpr std::size_t kBlock = 32;
    std::size_t x = 0;
    for (; x + kBlock <= length; x += kBlock) {
        float sum[kBlock] = {};
        const std::uint8_t* line = source + x;
        for (std::size_t k = 0; k < taps; ++k, line += stride) {
            const float weight = weights[k];
            for (std::size_t i = 0; i < kBlock; ++i) sum[i] += weight * line[i];
        }
        for (std::size_t i = 0; i < kBlock; ++i) row[x + i] = sum[i];
    }
    for (; x < length; ++x) {
        float sum = 0.0F;
        const std::uint8_t* line = source + x;
        for (std::size_t k = 0; k < taps; ++k, line += stride) sum += weights[k] * *line;
        row[x] = sum;
    }
}

// Blend the interleaved row into one output row of each plane. Four lanes are summed where three
// are needed, since four vectorise: the row is one float longer than its pixels.
inline void blend_columns(const float* row, const Axis& axis, int out_width, const Planes& planes,
                          float* out, std::size_t plane_size) {
    for (int j = 0; j < out_width; ++j) {
        float sum[4] = {};
        const float* pixel = row + kChannels * (axis.first[j] - axis.low);
        for (std::size_t k = axis.begin[j]; k < axis.begin[j + 1]; ++k, pixel += kChannels) {
            const float weight = axis.weights[k];
            for (int c = 0; c < 4; ++c) sum[c] += weight * pixel[c];
        }
        for (int p = 0; p < kChannels; ++p) {
            out[p * plane_size + j] = sum[planes.source[p]] * planes.scale[p] + planes.bias[p];
        }
    }
}

// Copy the rectangle that the axes touch into packed rows.
inline Frame pack(const Frame& frame, const Axis& horizontal, const Axis& vertical,
                  std::vector<std::uint8_t>& buffer) {
    const std::ptrdiff_t width = horizontal.high - horizontal.low;
    const std::ptrdiff_t height = vertical.high - vertical.low;
    buffer.resize(static_cast<std::size_t>(width * height * kChannels));
    std::uint8_t* target = buffer.data();
    for (std::ptrdiff_t y = vertical.low; y < vertical.high; ++y) {
        for (std::ptrdiff_t x = horizontal.low; x < horizontal.high; ++x) {
            const std::uint8_t* pixel =
                frame.data + y * frame.row_stride + x * frame.pixel_stride;
            for (int c = 0; c < kChannels; ++c) *target++ = pixel[c * frame.channel_stride];
        }
    }
    return {buffer.data(), height, width, width * kChannels, kChannels, 1};
}

// Fill out (3, out_height, out_width) with what the window shows. The window has a positive
// finite size and lies in the frame up to a small tolerance; the caller has checked it.
inline void crop_resize(const Frame& frame, const Window& window, int out_height, int out_width,
                        const Planes& planes, float* out, Scratch& scratch) {
    const Content content = fit(window, out_height, out_width);
    Axis& horizontal = scratch.horizontal;
    Axis& vertical = scratch.vertical;
    horizontal.build(window.x1, window.x2, content.width, frame.width);
    vertical.build(window.y1, window.y2, content.height, frame.height);

    const std::size_t plane_size = static_cast<std::size_t>(out_height) * out_width;
    if (content.width < out_width || content.height < out_height) {
        std::fill(out, out + kChannels * plane_size, 0.0F);
    }

    // The pixel (horizontal.low, vertical.low) of packed rows.
    const Frame rows = frame.packed() ? frame : pack(frame, horizontal, vertical, scratch.packed);
    const std::uint8_t* origin = rows.data;
    if (frame.packed()) {
        origin += vertical.low * rows.row_stride + horizontal.low * rows.pixel_stride;
    }

    const std::size_t length = static_cast<std::size_t>(horizontal.high - horizontal.low) * kChannels;
    scratch.row.assign(length + 1, 0.0F);
    for (int i = 0; i < content.height; ++i) {
        const std::size_t begin = vertical.begin[i];
        blend_rows(origin + (vertical.first[i] - vertical.low) * rows.row_stride, rows.row_stride,
                   vertical.weights.data() + begin, vertical.begin[i + 1] - begin, length,
                   scratch.row.data());
        float* target = out + static_cast<std::size_t>(content.top + i) * out_width + content.left;
        blend_columns(scratch.row.data(), horizontal, content.width, planes, target, plane_size);
    }
}

}  // namespace piza
