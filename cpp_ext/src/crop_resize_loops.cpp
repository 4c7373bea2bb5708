// Plain loops that compilers vectorise: the same source gives SSE2, AVX2, AVX-512 and NEON code.
//
// This file is compiled several times with different instruction sets, PIZA_LOOPS being the name
// of the result. It must not use inline functions of the standard library: the linker would keep
// one copy of each, perhaps one that other processors cannot run. For the same reason everything
// here has internal linkage but the table.
#include "crop_resize_loops.hpp"

#if defined(__AVX2__)
#include "word_loops.hpp"
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(_MSC_VER)
#define PIZA_RESTRICT __restrict
#else
#define PIZA_RESTRICT __restrict__
#endif

namespace piza {
namespace {

constexpr std::size_t kTile = 1024;  // floats of a row that stay in the first-level cache
constexpr int kMostLines = 6;        // that one sweep over a tile blends
constexpr int kGroup = 64;           // output pixels that are turned into planes together

// One sweep over a tile of a row, for a number of lines that the compiler knows. kAdd: to what the
// row holds.
template <int kLines, bool kAdd>
struct Single {
    static void sweep(const std::uint8_t* const* lines, const float* weights, int,
                      std::size_t from, std::size_t to, float* row, float*) {
        const std::uint8_t* line[kLines + 1];
        for (int k = 0; k < kLines; ++k) line[k] = lines[k];
        for (std::size_t x = from; x < to; ++x) {
            float sum = kAdd ? row[x] : 0.0F;
            for (int k = 0; k < kLines; ++k) sum += weights[k] * line[k][x];
            row[x] = sum;
        }
    }
};

// The same for two rows; kAdd is about the second, the first is always added to.
template <int kLines, bool kAdd>
struct Double {
    static void sweep(const std::uint8_t* const* lines, const float* weights, int count,
                      std::size_t from, std::size_t to, float* PIZA_RESTRICT present,
                      float* PIZA_RESTRICT next) {
        const std::uint8_t* line[kLines + 1];
        for (int k = 0; k < kLines; ++k) line[k] = lines[k];
        const float* const rising = weights + count;
        for (std::size_t x = from; x < to; ++x) {
            float first = present[x], second = kAdd ? next[x] : 0.0F;
            for (int k = 0; k < kLines; ++k) {
                const float value = line[k][x];
                first += weights[k] * value;
                second += rising[k] * value;
            }
            present[x] = first;
            next[x] = second;
        }
    }
};

template <template <int, bool> class Rows, bool kAdd>
inline void sweep(int lines_left, const std::uint8_t* const* lines, const float* weights,
                  int count, std::size_t from, std::size_t to, float* row, float* next) {
    switch (lines_left) {
        case 0: return Rows<0, kAdd>::sweep(lines, weights, count, from, to, row, next);
        case 1: return Rows<1, kAdd>::sweep(lines, weights, count, from, to, row, next);
        case 2: return Rows<2, kAdd>::sweep(lines, weights, count, from, to, row, next);
        case 3: return Rows<3, kAdd>::sweep(lines, weights, count, from, to, row, next);
        case 4: return Rows<4, kAdd>::sweep(lines, weights, count, from, to, row, next);
        case 5: return Rows<5, kAdd>::sweep(lines, weights, count, from, to, row, next);
        default: return Rows<6, kAdd>::sweep(lines, weights, count, from, to, row, next);
    }
}

// Tile after tile, all lines of it.
template <template <int, bool> class Rows>
inline void blend(const std::uint8_t* const* lines, const float* weights, int count,
                  std::size_t length, float* row, float* next) {
    for (std::size_t from = 0; from < length; from += kTile) {
        const std::size_t to = from + kTile < length ? from + kTile : length;
        sweep<Rows, false>(count, lines, weights, count, from, to, row, next);
        for (int k = kMostLines; k < count; k += kMostLines) {
            sweep<Rows, true>(count - k, lines + k, weights + k, count, from, to, row, next);
        }
    }
}

void blend_rows(const std::uint8_t* const* lines, const float* weights, int count,
                std::size_t length, float* row) {
    blend<Single>(lines, weights, count, length, row, nullptr);
}

void blend_between(const std::uint8_t* const* lines, const float* weights, int count,
                   std::size_t length, float* present, float* next) {
    blend<Double>(lines, weights, count, length, present, next);
}

// Four floats are summed where three are needed, since four fill a register.
#if defined(__GNUC__)
typedef float Quad __attribute__((vector_size(16), aligned(4), may_alias));

inline Quad load(const float* floats) { return *reinterpret_cast<const Quad*>(floats); }
inline void save(Quad quad, float* floats) { *reinterpret_cast<Quad*>(floats) = quad; }
#else
struct Quad {
    float lanes[4];
};

inline Quad load(const float* floats) { return {{floats[0], floats[1], floats[2], floats[3]}}; }
inline void save(Quad quad, float* floats) {
    for (int i = 0; i < 4; ++i) floats[i] = quad.lanes[i];
}
inline Quad operator*(float factor, Quad quad) {
    for (float& lane : quad.lanes) lane *= factor;
    return quad;
}
inline void operator+=(Quad& sum, Quad quad) {
    for (int i = 0; i < 4; ++i) sum.lanes[i] += quad.lanes[i];
}
#endif

// Pixels [begin, end) of the filter's output, four floats each. kTaps: the filter's number of
// taps, 0 for any. Four pixels at a time keep the additions of one from waiting for each other.
template <int kTaps>
void blend_pixels(const float* row, const Filter& filter, int begin, int end, float* pixels) {
    const int taps = kTaps > 0 ? kTaps : filter.taps;
    const float* weights = filter.weights + static_cast<std::ptrdiff_t>(begin) * taps;
    int j = begin;
    for (; j + 4 <= end; j += 4, weights += 4 * taps, pixels += 16) {
        const float* const p0 = row + filter.first[j];
        const float* const p1 = row + filter.first[j + 1];
        const float* const p2 = row + filter.first[j + 2];
        const float* const p3 = row + filter.first[j + 3];
        Quad a{}, b{}, c{}, d{};
        for (int k = 0; k < taps; ++k) {
            a += weights[k] * load(p0 + kChannels * k);
            b += weights[taps + k] * load(p1 + kChannels * k);
            c += weights[2 * taps + k] * load(p2 + kChannels * k);
            d += weights[3 * taps + k] * load(p3 + kChannels * k);
        }
        save(a, pixels);
        save(b, pixels + 4);
        save(c, pixels + 8);
        save(d, pixels + 12);
    }
    for (; j < end; ++j, weights += taps, pixels += 4) {
        Quad sum{};
        for (int k = 0; k < taps; ++k) {
            sum += weights[k] * load(row + filter.first[j] + kChannels * k);
        }
        save(sum, pixels);
    }
}

void blend_pixels(const float* row, const Filter& filter, int begin, int end, float* pixels) {
    switch (filter.taps) {
        case 2: return blend_pixels<2>(row, filter, begin, end, pixels);
        case 3: return blend_pixels<3>(row, filter, begin, end, pixels);
        case 4: return blend_pixels<4>(row, filter, begin, end, pixels);
        case 5: return blend_pixels<5>(row, filter, begin, end, pixels);
        default: return blend_pixels<0>(row, filter, begin, end, pixels);
    }
}

// Turn `count` pixels of four floats into normalised planes. kFirst: the channel of plane 0.
template <int kFirst>
void split(const float* PIZA_RESTRICT pixels, int count, const Planes& planes,
           float* PIZA_RESTRICT out0, float* PIZA_RESTRICT out1, float* PIZA_RESTRICT out2) {
    const float scale0 = planes.scale[0], scale1 = planes.scale[1], scale2 = planes.scale[2];
    const float bias0 = planes.bias[0], bias1 = planes.bias[1], bias2 = planes.bias[2];
    for (int j = 0; j < count; ++j) {
        out0[j] = pixels[4 * j + kFirst] * scale0 + bias0;
        out1[j] = pixels[4 * j + 1] * scale1 + bias1;
        out2[j] = pixels[4 * j + 2 - kFirst] * scale2 + bias2;
    }
}

void split(const float* pixels, int count, const Planes& planes, float* out0, float* out1,
           float* out2) {
    if (planes.source[0] == 0) {
        split<0>(pixels, count, planes, out0, out1, out2);
    } else {
        split<2>(pixels, count, planes, out0, out1, out2);
    }
}

void blend_columns(const float* row, const Filter& filter, int width, const Planes& planes,
                   float* out, std::size_t plane_size) {
    float pixels[4 * kGroup];
    for (int j = 0; j < width; j += kGroup, out += kGroup) {
        const int count = least_of(kGroup, width - j);
        blend_pixels(row, filter, j, j + count, pixels);
        split(pixels, count, planes, out, out + plane_size, out + 2 * plane_size);
    }
}

void to_half(const float* floats, int count, Half* halves) {
    int j = 0;
#if defined(__AVX2__)
    for (; j + 8 <= count; j += 8) {
        const __m128i eight = _mm256_cvtps_ph(_mm256_loadu_ps(floats + j), 0);  // half to even
        _mm_storeu_si128(reinterpret_cast<__m128i*>(halves + j), eight);
    }
#elif defined(__aarch64__)
    for (; j + 4 <= count; j += 4) {
        const float16x4_t four = vcvt_f16_f32(vld1q_f32(floats + j));
        vst1_u16(&halves[j].bits, vreinterpret_u16_f16(four));
    }
#endif
    for (; j < count; ++j) store(floats[j], halves + j);
}

void blend_columns_half(const float* row, const Filter& filter, int width, const Planes& planes,
                        Half* out, std::size_t plane_size) {
    float pixels[4 * kGroup], values[kChannels][kGroup];
    for (int j = 0; j < width; j += kGroup, out += kGroup) {
        const int count = least_of(kGroup, width - j);
        blend_pixels(row, filter, j, j + count, pixels);
        split(pixels, count, planes, values[0], values[1], values[2]);
        for (int p = 0; p < kChannels; ++p) to_half(values[p], count, out + p * plane_size);
    }
}

// Memory that is not in the cache when it is written is read first: better soon than then.
template <typename T>
inline void fetch(const T* out) {
#if defined(__GNUC__)
    __builtin_prefetch(out, 1);
#else
    static_cast<void>(out);
#endif
}

void mix(const float* PIZA_RESTRICT above, const float* PIZA_RESTRICT below,
         const float* weights, int length, float* PIZA_RESTRICT out, std::size_t next) {
    constexpr int kLine = kCacheLine / sizeof(float), kLines = 2 * kLine;
    const float first = weights[0], second = weights[1];
    int x = 0;
    for (const int whole = length - length % kLines; x < whole;) {
        for (int k = 0; k < kLines; k += kLine) fetch(out + x + k + next);
        for (const int to = x + kLines; x < to; ++x) out[x] = first * above[x] + second * below[x];
    }
    for (; x < length; ++x) out[x] = first * above[x] + second * below[x];
}

void mix_half(const float* above, const float* below, const float* weights, int length,
              Half* out, std::size_t next) {
    float values[kGroup];
    for (int x = 0; x < length; x += kGroup) {
        const int count = least_of(kGroup, length - x);
        mix(above + x, below + x, weights, count, values, 0);
        to_half(values, count, out + x);
        fetch(out + x + next);
    }
}

void interleave(const std::uint8_t* PIZA_RESTRICT first, const std::uint8_t* PIZA_RESTRICT second,
                const std::uint8_t* PIZA_RESTRICT third, int count,
                std::uint8_t* PIZA_RESTRICT packed) {
    for (int x = 0; x < count; ++x) {
        packed[3 * x] = first[x];
        packed[3 * x + 1] = second[x];
        packed[3 * x + 2] = third[x];
    }
}

// yuv_to_rgb of up to kGroup pixels, the first of which has an even place.
void convert_nv12(const std::uint8_t* PIZA_RESTRICT luma, const std::uint8_t* PIZA_RESTRICT pairs,
                  int count, std::uint8_t* PIZA_RESTRICT packed) {
    int u[kGroup], v[kGroup];
    std::uint8_t rgb[kChannels][kGroup];
    for (int i = 0; 2 * i < count; ++i) {
        u[2 * i] = u[2 * i + 1] = pairs[2 * i];
        v[2 * i] = v[2 * i + 1] = pairs[2 * i + 1];
    }
    for (int x = 0; x < count; ++x) {
        std::uint8_t pixel[kChannels];
        yuv_to_rgb(luma[x], u[x], v[x], pixel);
        for (int c = 0; c < kChannels; ++c) rgb[c][x] = pixel[c];
    }
    interleave(rgb[0], rgb[1], rgb[2], count, packed);
}

void pack_row(const Frame& frame, std::ptrdiff_t y, std::ptrdiff_t from, std::ptrdiff_t to,
              std::uint8_t* packed) {
    const std::uint8_t* const row = frame.data + y * frame.row_stride;
    const std::uint8_t* const pairs =
        frame.chroma == nullptr ? nullptr : frame.chroma + y / 2 * frame.chroma_row_stride;
    while (from < to) {
        const std::ptrdiff_t rest = to - from;
        int count = rest < kGroup ? static_cast<int>(rest) : kGroup;
        if (pairs != nullptr && from % 2 == 0) {
            convert_nv12(row + from, pairs + from, count, packed);
        } else if (pairs == nullptr && frame.pixel_stride == 1) {
            const std::uint8_t* const pixels = row + from;
            interleave(pixels, pixels + frame.channel_stride, pixels + 2 * frame.channel_stride,
                       count, packed);
        } else {
            count = pairs == nullptr ? count : 1;
            for (int x = 0; x < count; ++x) read_pixel(frame, y, from + x, packed + kChannels * x);
        }
        from += count;
        packed += kChannels * count;
    }
}

}  // namespace

#if !defined(__AVX2__)
constexpr WordLoops word_loops() { return {}; }
#endif

extern const Loops PIZA_LOOPS;
const Loops PIZA_LOOPS = {blend_rows, blend_between, blend_columns, blend_columns_half,
                          mix,        mix_half,      pack_row,      word_loops()};

}  // namespace piza
