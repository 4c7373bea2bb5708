// Crop, antialiased bilinear resize, letterbox, colour and normalisation: the arithmetic, once for
// the CPU and for CUDA. Nothing here allocates, throws or knows about Python.
//
// Coordinates: pixel i covers [i, i + 1), so its centre is i + 0.5. A window is a rectangle in
// frame pixels. It is scaled by s = min(W / w, H / h) and centred; content pixel j samples the
// source at x1 + (j + 0.5) * w / content_w. Outside of the content the output is 0, which is the
// mean colour after normalisation.
//
// The filter is a triangle of half-width max(1, source pixels per output pixel), its weights
// normalised over the pixels that exist. It is separable.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define PIZA_HD __host__ __device__ __forceinline__
#else
// Each translation unit keeps its own copy: the loops are compiled for several instruction sets,
// and the linker must not share a function between them.
#define PIZA_HD static inline
#endif

namespace piza {

constexpr int kChannels = 3;
constexpr double kWindowTolerance = 1e-3;  // frame pixels by which a window may leave the frame

struct Window {
    double x1, y1, x2, y2;  // frame pixels
};

// A picture of bytes; strides in bytes, of any sign. Pixel (y, x) holds channel c at
// data[y * row_stride + x * pixel_stride + c * channel_stride]: a channel stride of 0 makes a grey
// picture of three equal channels.
//
// Where `chroma` is set the picture is NV12: data holds the luma, one byte a pixel, and chroma one
// pair (U, V) for 2 x 2 pixels, in rows of their own stride.
struct Frame {
    const std::uint8_t* data;
    std::ptrdiff_t height, width;
    std::ptrdiff_t row_stride, pixel_stride, channel_stride;
    const std::uint8_t* chroma;
    std::ptrdiff_t chroma_row_stride;
};

// output[plane] = value of frame channel source[plane] * scale[plane] + bias[plane]
struct Planes {
    int source[kChannels];
    float scale[kChannels];
    float bias[kChannels];
};

// Where the resized window lies in the network input.
struct Content {
    int width, height, left, top;
};

PIZA_HD bool is_packed(const Frame& frame) {
    return frame.chroma == nullptr && frame.channel_stride == 1 && frame.pixel_stride == kChannels;
}

PIZA_HD int least_of(int a, int b) { return a < b ? a : b; }
PIZA_HD int most_of(int a, int b) { return a > b ? a : b; }

// A product that no compiler fuses with the addition after it: host and device round alike.
PIZA_HD double product(double a, double b) {
#if defined(__CUDA_ARCH__)
    return __dmul_rn(a, b);
#else
    volatile double result = a * b;
    return result;
#endif
}

// The whole number of a value, which may be far out of range, between two bounds.
PIZA_HD int bounded(double value, int low, int high) {
    return value <= low ? low : value >= high ? high : static_cast<int>(value);
}

PIZA_HD int round_half_up(double value, int low, int high) {
    return bounded(floor(value + 0.5), low, high);
}

// The letterbox rule.
PIZA_HD Content fit(const Window& window, int out_height, int out_width) {
    const double width = window.x2 - window.x1;
    const double height = window.y2 - window.y1;
    const double scale = fmin(out_width / width, out_height / height);
    Content content{};
    content.width = round_half_up(product(scale, width), 1, out_width);
    content.height = round_half_up(product(scale, height), 1, out_height);
    content.left = (out_width - content.width) / 2;
    content.top = (out_height - content.height) / 2;
    return content;
}

// One axis of a window: output position j samples around start + (j + 0.5) * ratio.
struct Axis {
    double start, ratio;     // source pixels; source pixels for each output pixel
    double support;          // half-width of the filter in source pixels
    float inverse_support;
    int low, high;           // source pixels that overlap the window: [low, high)
};

PIZA_HD Axis make_axis(double start, double stop, int out_size, std::ptrdiff_t in_size) {
    Axis axis{};
    axis.start = start;
    axis.ratio = (stop - start) / out_size;
    axis.support = fmax(1.0, axis.ratio);
    axis.inverse_support = static_cast<float>(1.0 / axis.support);
    axis.low = bounded(floor(start), 0, static_cast<int>(in_size) - 1);
    axis.high = bounded(ceil(stop), axis.low + 1, static_cast<int>(in_size));
    return axis;
}

// The source pixels [from, to) that an output position blends, never none, and its centre, counted
// from the left edge of pixel `from` so that single precision is enough for what follows.
struct Taps {
    int from, to;
    float centre;
};

PIZA_HD Taps taps_of(const Axis& axis, int j) {
    const double centre = axis.start + product(j + 0.5, axis.ratio);
    Taps taps{};
    taps.from = bounded(floor(centre - axis.support + 0.5), axis.low, axis.high - 1);
    taps.to = bounded(ceil(centre + axis.support - 0.5), taps.from + 1, axis.high);
    taps.centre = static_cast<float>(centre - taps.from);
    return taps;
}

// Weight of pixel from + k before normalising. The pixel under the centre weighs about a half at
// least, so that the sum of weights is never 0.
PIZA_HD float weight_of(const Taps& taps, const Axis& axis, int k) {
    const float distance = fabsf(static_cast<float>(k) + 0.5F - taps.centre);
    return fmaxf(0.0F, 1.0F - distance * axis.inverse_support);
}

PIZA_HD float sum_of_weights(const Taps& taps, const Axis& axis) {
    float sum = 0.0F;
    for (int k = 0; k < taps.to - taps.from; ++k) sum += weight_of(taps, axis, k);
    return sum;
}

PIZA_HD std::uint8_t to_byte(int fixed) {  // 16 fraction bits, halves up
    const int rounded = (fixed + (1 << 15)) >> 16;
    return static_cast<std::uint8_t>(least_of(most_of(rounded, 0), 255));
}

// Video-range YCbCr of ITU-R BT.601 to R, G, B, as cameras and OpenCV mean NV12.
PIZA_HD void yuv_to_rgb(int luma, int u, int v, std::uint8_t* rgb) {
    const int bright = most_of(luma - 16, 0) * 76309;  // 255 / 219 * 2^16
    u -= 128;
    v -= 128;
    rgb[0] = to_byte(bright + 104597 * v);             // 1.402 * 255 / 224
    rgb[1] = to_byte(bright - 25675 * u - 53279 * v);  // 0.344136, 0.714136
    rgb[2] = to_byte(bright + 132201 * u);             // 1.772
}

// The three channels of one pixel; of NV12: R, G, B.
PIZA_HD void read_pixel(const Frame& frame, std::ptrdiff_t y, std::ptrdiff_t x,
                        std::uint8_t* channels) {
    const std::uint8_t* pixel = frame.data + y * frame.row_stride + x * frame.pixel_stride;
    if (frame.chroma != nullptr) {
        const std::uint8_t* pair = frame.chroma + (y / 2) * frame.chroma_row_stride + x / 2 * 2;
        yuv_to_rgb(*pixel, pair[0], pair[1], channels);
    } else {
        for (int c = 0; c < kChannels; ++c) channels[c] = pixel[c * frame.channel_stride];
    }
}

// IEEE 754 binary16, to which single precision is rounded half to even.
struct Half {
    std::uint16_t bits;
};

PIZA_HD void store(float value, float* target) { *target = value; }

// Branch-free, so that it vectorises. Too large becomes infinity; a NaN stays one.
PIZA_HD void store(float value, Half* target) {
    std::uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const std::uint32_t sign = bits & 0x80000000U;
    const std::uint32_t magnitude = bits ^ sign;
    // normal: rebias the exponent, round half to even on the 13 bits that go
    const std::uint32_t odd = (magnitude >> 13) & 1U;
    const std::uint32_t normal = (magnitude - 0x38000000U + 0x0FFFU + odd) >> 13;
    // subnormal: adding a half lets the floating-point unit round to multiples of 2^-24
    float small;
    memcpy(&small, &magnitude, sizeof small);
    small += 0.5F;
    std::uint32_t subnormal;
    memcpy(&subnormal, &small, sizeof subnormal);
    subnormal -= 0x3F000000U;
    std::uint32_t result = magnitude < 0x38800000U ? subnormal : normal;
    result = magnitude >= 0x47800000U ? 0x7C00U : result;  // 65536 and more
    result = magnitude > 0x7F800000U ? 0x7E00U : result;
    target->bits = static_cast<std::uint16_t>(result | (sign >> 16));
}

}  // namespace piza
