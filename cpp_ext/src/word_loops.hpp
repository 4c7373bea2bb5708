// The loops over rows of 16-bit words (see words.hpp), for AVX2 and for AVX-512. Included by
// crop_resize_loops.cpp alone, whose rules hold here.
#pragma once

#include <immintrin.h>

#include "crop_resize_loops.hpp"

namespace piza {
namespace {

constexpr int kParts = 6;  // registers of words that a block of pixels fills

#if defined(__AVX512BW__)
using Vector = __m512i;
constexpr WordLoops kShape = {64, 16, 32, 16, false, nullptr, nullptr, nullptr, nullptr};

inline Vector load(const void* at) { return _mm512_loadu_si512(at); }
inline void save(Vector words, void* at) { _mm512_storeu_si512(at, words); }
inline Vector spread(std::uint16_t word) { return _mm512_set1_epi16(static_cast<short>(word)); }
inline Vector low_words(Vector bytes) { return _mm512_unpacklo_epi8(Vector{}, bytes); }
inline Vector high_words(Vector bytes) { return _mm512_unpackhi_epi8(Vector{}, bytes); }
inline Vector low_pairs(Vector a, Vector b) { return _mm512_unpacklo_epi8(a, b); }
inline Vector high_pairs(Vector a, Vector b) { return _mm512_unpackhi_epi8(a, b); }
inline Vector products_of_bytes(Vector bytes, Vector weights) {
    return _mm512_maddubs_epi16(bytes, weights);
}
inline Vector plus(Vector a, Vector b) { return _mm512_add_epi16(a, b); }
inline Vector high_product(Vector a, Vector b) { return _mm512_mulhi_epu16(a, b); }
inline Vector flip(Vector words) { return _mm512_xor_si512(words, spread(0x8000)); }

// Where the words of 32 pixels of one channel lie in three registers, two at a time.
struct Picks {
    alignas(64) std::uint16_t first[32];
    alignas(64) std::uint16_t second[32];
};

// Unpacking leaves word m of 64 in register m / 8 % 2, at m / 16 * 8 + m % 8. `split`: the register
// that holds a half of each, [low | high], comes before the whole two instead of behind them.
constexpr Picks picks(int channel, bool split_first) {
    Picks found{};
    for (int i = 0; i < 32; ++i) {
        const int word = 3 * i + channel;
        const int whole = split_first ? word - 32 : word;     // of 64 in two whole registers
        const int half = split_first ? word : word - 64;      // of 32 in the one that is split
        const bool in_whole = whole >= 0 && whole < 64;
        const int m = in_whole ? whole : half;
        const int place = m / 16 * 8 + m % 8;
        const int upper = m / 8 % 2;
        found.first[i] = static_cast<std::uint16_t>(in_whole ? upper * 32 + place : 0);
        found.second[i] = static_cast<std::uint16_t>(in_whole ? i : 32 + upper * 16 + place);
    }
    return found;
}

template <int kChannel, bool kSplitFirst>
inline Vector channel(Vector low, Vector high, Vector half) {
    static constexpr Picks kPicks = picks(kChannel, kSplitFirst);
    const Vector both = _mm512_permutex2var_epi16(low, load(kPicks.first), high);
    return _mm512_permutex2var_epi16(both, load(kPicks.second), half);
}

template <int kChannel>
inline void write_channel(const Vector* parts, Vector first, Vector second, std::int16_t* row) {
    save(channel<kChannel, false>(parts[0], parts[1], first), row);
    save(channel<kChannel, true>(parts[4], parts[5], second), row + 32);
}

inline void write_planes(const Vector* parts, std::int16_t* planes, std::size_t plane) {
    const Vector first = _mm512_shuffle_i64x2(parts[2], parts[3], 0x44);
    const Vector second = _mm512_shuffle_i64x2(parts[2], parts[3], 0xEE);
    write_channel<0>(parts, first, second, planes);
    write_channel<1>(parts, first, second, planes + plane);
    write_channel<2>(parts, first, second, planes + 2 * plane);
}
#else
using Vector = __m256i;
constexpr WordLoops kShape = {32, 4, 8, 8, true, nullptr, nullptr, nullptr, nullptr};

inline Vector load(const void* at) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}
inline void save(Vector words, void* at) { _mm256_storeu_si256(static_cast<__m256i*>(at), words); }
inline Vector spread(std::uint16_t word) { return _mm256_set1_epi16(static_cast<short>(word)); }
inline Vector low_words(Vector bytes) { return _mm256_unpacklo_epi8(Vector{}, bytes); }
inline Vector high_words(Vector bytes) { return _mm256_unpackhi_epi8(Vector{}, bytes); }
inline Vector low_pairs(Vector a, Vector b) { return _mm256_unpacklo_epi8(a, b); }
inline Vector high_pairs(Vector a, Vector b) { return _mm256_unpackhi_epi8(a, b); }
inline Vector products_of_bytes(Vector bytes, Vector weights) {
    return _mm256_maddubs_epi16(bytes, weights);
}
inline Vector plus(Vector a, Vector b) { return _mm256_add_epi16(a, b); }
inline Vector high_product(Vector a, Vector b) { return _mm256_mulhi_epu16(a, b); }
inline Vector flip(Vector words) { return _mm256_xor_si256(words, spread(0x8000)); }

// Word m of 24, which lie in three registers, is of channel m % 3: those of one channel have eight
// different places in their registers.
constexpr int places(int channel, int register_) {
    int mask = 0;
    for (int place = 0; place < 8; ++place) {
        if ((8 * register_ + place) % 3 == channel) mask |= 1 << place;
    }
    return mask;
}

template <int kChannel>
inline Vector channel(Vector x, Vector y, Vector z) {
    constexpr auto at = [](int i) { return static_cast<char>((3 * (i / 2) + kChannel) % 8 * 2 + i % 2); };
    const Vector mixed = _mm256_blend_epi16(
        _mm256_blend_epi16(x, y, places(kChannel, 1)), z, places(kChannel, 2));
    const Vector order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10),
                      at(11), at(12), at(13), at(14), at(15)));
    return _mm256_shuffle_epi8(mixed, order);
}

template <int kChannel>
inline void write_channel(const Vector* even, const Vector* odd, std::int16_t* row) {
    const Vector first = channel<kChannel>(even[0], even[1], even[2]);  // pixels 0-7, 16-23
    const Vector second = channel<kChannel>(odd[0], odd[1], odd[2]);    // pixels 8-15, 24-31
    save(_mm256_permute2x128_si256(first, second, 0x20), row);
    save(_mm256_permute2x128_si256(first, second, 0x31), row + 16);
}

// Unpacking leaves words [0-7 | 16-23] in part 0, [8-15 | 24-31] in part 1, and so on.
inline void write_planes(const Vector* parts, std::int16_t* planes, std::size_t plane) {
    const Vector even[] = {_mm256_blend_epi32(parts[0], parts[2], 0xF0),
                           _mm256_blend_epi32(parts[1], parts[3], 0xF0),
                           _mm256_permute2x128_si256(parts[0], parts[4], 0x21)};
    const Vector odd[] = {_mm256_permute2x128_si256(parts[1], parts[5], 0x21),
                          _mm256_blend_epi32(parts[2], parts[4], 0xF0),
                          _mm256_blend_epi32(parts[3], parts[5], 0xF0)};
    write_channel<0>(even, odd, planes);
    write_channel<1>(even, odd, planes + plane);
    write_channel<2>(even, odd, planes + 2 * plane);
}
#endif

constexpr std::size_t kBlockBytes = kParts * sizeof(Vector) / 2;
static_assert(kBlockBytes == kShape.block_pixels * std::size_t{kChannels}, "a block of pixels");

inline void unpack(const std::uint8_t* bytes, Vector* parts) {
    for (int c = 0; c < kParts / 2; ++c) {
        const Vector some = load(bytes + c * sizeof(Vector));
        parts[2 * c] = low_words(some);
        parts[2 * c + 1] = high_words(some);
    }
}

// For each block of a row, of which the last may overlap the one before: visit(block, first byte).
template <typename Visit>
inline void for_blocks(std::size_t pixels, const Visit& visit) {
    const std::size_t last = pixels * kChannels - kBlockBytes;
    std::size_t block = 0;
    for (std::size_t from = 0; from < last; from += kBlockBytes) visit(block++, from);
    visit(block, last);
}

// So many bytes ahead a line is fetched, and beyond its end the beginning of the lines that come
// next: memory is slow, and a processor that sees several lines read in turns does not guess it.
constexpr std::size_t kAhead = 1024;

inline void fetch(const std::uint8_t* from) {
    for (std::size_t k = 0; k < kBlockBytes; k += kCacheLine) {
        _mm_prefetch(reinterpret_cast<const char*>(from + k), _MM_HINT_T0);
    }
}

// The words of two rows of output, and what lines add to them.
struct Sums {
    Vector present[kParts], next[kParts];

    inline void add_line(const std::uint8_t* line, Vector falling, Vector rising) {
        for (int c = 0; c < kParts / 2; ++c) {
            const Vector some = load(line + c * sizeof(Vector));
            const Vector low = low_words(some), high = high_words(some);
            present[2 * c] = plus(present[2 * c], high_product(low, falling));
            present[2 * c + 1] = plus(present[2 * c + 1], high_product(high, falling));
            next[2 * c] = plus(next[2 * c], high_product(low, rising));
            next[2 * c + 1] = plus(next[2 * c + 1], high_product(high, rising));
        }
    }

    inline void add_pair(const std::uint8_t* first, const std::uint8_t* second, Vector falling,
                         Vector rising) {
        for (int c = 0; c < kParts / 2; ++c) {
            const Vector one = load(first + c * sizeof(Vector));
            const Vector two = load(second + c * sizeof(Vector));
            const Vector low = low_pairs(one, two), high = high_pairs(one, two);
            present[2 * c] = plus(present[2 * c], products_of_bytes(low, falling));
            present[2 * c + 1] = plus(present[2 * c + 1], products_of_bytes(high, falling));
            next[2 * c] = plus(next[2 * c], products_of_bytes(low, rising));
            next[2 * c + 1] = plus(next[2 * c + 1], products_of_bytes(high, rising));
        }
    }
};

// Whether lines can be taken in pairs, exactly: their weights are of 8 bits, as where a picture is
// made a half, a quarter or an eighth as large, and so small that 16 bits hold a pair's products.
inline bool go_in_pairs(const std::uint16_t* weights, int count) {
    if (count % 2 != 0) return false;
    for (int k = 0; k < 2 * count; k += 2) {
        const int one = weights[k], two = weights[k + 1];
        if (((one | two) & 0xFF) != 0 || (one | two) >= 0x8000 || one + two > 0x8000) return false;
    }
    return true;
}

void blend_words(const std::uint8_t* const* lines, const std::uint16_t* weights, int count,
                 std::size_t pixels, std::ptrdiff_t below, std::uint16_t start,
                 std::uint16_t* carried, std::int16_t* planes, std::size_t plane) {
    const bool pairs = go_in_pairs(weights, count);
    Vector falling[kMostTaps], rising[kMostTaps];
    for (int k = 0; k < count; k += pairs ? 2 : 1) {
        const auto weight = [&](int at) {
            const int two = pairs ? weights[at] >> 8 | weights[at + 1] : weights[at];
            return static_cast<std::uint16_t>(two);
        };
        falling[k] = spread(weight(k));
        rising[k] = spread(weight(count + k));
    }
    const Vector begin = spread(start);
    const std::ptrdiff_t length = static_cast<std::ptrdiff_t>(pixels) * kChannels;
    for_blocks(pixels, [&](std::size_t block, std::size_t from) {
        std::uint16_t* const kept = carried + block * kBlockBytes;  // a word for each byte
        Sums sums;
        for (int i = 0; i < kParts; ++i) {
            sums.present[i] = load(kept + i * sizeof(Vector) / 2);
            sums.next[i] = begin;
        }
        std::ptrdiff_t ahead = static_cast<std::ptrdiff_t>(from + kAhead);
        if (ahead >= length) ahead += below - length;
        if (pairs) {
            for (int k = 0; k < count; k += 2) {
                fetch(lines[k] + ahead);
                fetch(lines[k + 1] + ahead);
                sums.add_pair(lines[k] + from, lines[k + 1] + from, falling[k], rising[k]);
            }
        } else {
            for (int k = 0; k < count; ++k) {
                fetch(lines[k] + ahead);
                sums.add_line(lines[k] + from, falling[k], rising[k]);
            }
        }
        for (int i = 0; i < kParts; ++i) save(sums.next[i], kept + i * sizeof(Vector) / 2);
        write_planes(sums.present, planes + from / kChannels, plane);
    });
}

void spread_words(const std::uint8_t* line, std::size_t pixels, std::ptrdiff_t below,
                  std::int16_t* planes, std::size_t plane) {
    for_blocks(pixels, [&](std::size_t, std::size_t from) {
        fetch(line + from + below);
        Vector parts[kParts];
        unpack(line + from, parts);
        for (Vector& words : parts) words = flip(words);
        write_planes(parts, planes + from / kChannels, plane);
    });
}

// Eight words from each of two places.
inline __m256i two_eights(const std::int16_t* first, const std::int16_t* second) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(second));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

inline void write(__m256 values, float* out) { _mm256_storeu_ps(out, values); }
inline void write(__m256 values, Half* out) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_cvtps_ph(values, 0));  // half to even
}
inline __m256 normalised(__m256i sums, float scale, float bias) {
    const __m256 factor = _mm256_set1_ps(scale), shift = _mm256_set1_ps(bias);
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), factor, shift);
}

// For a group of positions, the words of a pair of taps each; sums of their products.
#if defined(__AVX512BW__)
inline Vector pairs(const std::int16_t* row, const int* base, Vector index) {
    return _mm512_permutexvar_epi16(index, load(row + base[0]));
}
inline Vector products(Vector words, Vector weights) { return _mm512_madd_epi16(words, weights); }
inline Vector plus_wide(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
inline void write(__m512 values, float* out) { _mm512_storeu_ps(out, values); }
inline void write(__m512 values, Half* out) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtps_ph(values, 0));
}
inline __m512 normalised(__m512i sums, float scale, float bias) {
    const __m512 factor = _mm512_set1_ps(scale), shift = _mm512_set1_ps(bias);
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), factor, shift);
}
#else
inline Vector pairs(const std::int16_t* row, const int* base, Vector index) {
    return _mm256_shuffle_epi8(two_eights(row + base[0], row + base[1]), index);
}
inline Vector products(Vector words, Vector weights) { return _mm256_madd_epi16(words, weights); }
inline Vector plus_wide(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
#endif

constexpr int kLanes = kShape.group / kShape.lane_positions;  // of a group
constexpr float kOfWords = -1.0F / (1 << 23);  // 8 fraction bits of words, 15 of negative weights

// How the channels of words become planes of the output.
struct Scaling {
    std::size_t channel[kChannels];  // where its words begin
    float scale[kChannels], bias[kChannels];
};

inline Scaling scaling(const Planes& planes, std::size_t plane) {
    Scaling made;
    for (int p = 0; p < kChannels; ++p) {
        made.channel[p] = static_cast<std::size_t>(planes.source[p]) * plane;
        made.scale[p] = planes.scale[p] * kOfWords;
        made.bias[p] = planes.bias[p] + 128.0F * planes.scale[p];
    }
    return made;
}

// One group of positions of every plane. kPairs: pairs of taps.
template <int kPairs, typename T>
struct Near {
    static constexpr int kGroup = kShape.group;
    static inline void group(const std::int16_t* words, const WordFilter& filter, int g,
                             const Scaling& scaling, T* out, std::size_t out_plane) {
        const int* const base = filter.base + g * kLanes;
        const Vector index = load(filter.index + g * kGroup);
        Vector weights[kPairs];
        for (int k = 0; k < kPairs; ++k) {
            weights[k] = load(filter.weights + (g * kPairs + k) * (2 * kGroup));
        }
        for (int p = 0; p < kChannels; ++p) {
            const std::int16_t* const row = words + scaling.channel[p];
            Vector sums = products(pairs(row, base, index), weights[0]);
            for (int k = 1; k < kPairs; ++k) {
                const Vector more = products(pairs(row + 2 * k, base, index), weights[k]);
                sums = plus_wide(sums, more);
            }
            write(normalised(sums, scaling.scale[p], scaling.bias[p]), out + p * out_plane);
        }
    }
};

// kSteps: eights of taps, 0 for any number.
template <int kSteps, typename T>
struct Far {
    static constexpr int kGroup = kFarGroup;
    static inline void group(const std::int16_t* words, const WordFilter& filter, int g,
                             const Scaling& scaling, T* out, std::size_t out_plane) {
        const int steps = kSteps > 0 ? kSteps : filter.steps;
        const int* const base = filter.base + g * kGroup;
        const std::int16_t* const weights = filter.weights + g * steps * (8 * kGroup);
        for (int p = 0; p < kChannels; ++p) {
            const std::int16_t* const row = words + scaling.channel[p];
            __m256i sums[4];
            for (int q = 0; q < 4; ++q) {
                const std::int16_t* const first = row + base[q];
                const std::int16_t* const second = row + base[q + 4];
                __m256i sum = _mm256_setzero_si256();
                for (int k = 0; k < steps; ++k) {
                    const auto* const weight =
                        reinterpret_cast<const __m256i*>(weights + (4 * k + q) * 16);
                    const __m256i eights = two_eights(first + 8 * k, second + 8 * k);
                    sum = _mm256_add_epi32(
                        sum, _mm256_madd_epi16(eights, _mm256_loadu_si256(weight)));
                }
                sums[q] = sum;
            }
            const __m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]),
                                                  _mm256_hadd_epi32(sums[2], sums[3]));
            write(normalised(all, scaling.scale[p], scaling.bias[p]), out + p * out_plane);
        }
    }
};

// Group after group; the last may have less to write than it makes.
template <typename Kind, typename T>
void resize_groups(const std::int16_t* words, const WordFilter& filter, const Scaling& scaling,
                   T* out, std::size_t out_plane) {
    const int whole = filter.width / Kind::kGroup;
    for (int g = 0; g < whole; ++g) {
        Kind::group(words, filter, g, scaling, out + g * Kind::kGroup, out_plane);
    }
    const int rest = filter.width - whole * Kind::kGroup;
    if (rest == 0) return;
    T some[kChannels * Kind::kGroup];
    Kind::group(words, filter, whole, scaling, some, Kind::kGroup);
    out += whole * Kind::kGroup;
    for (int p = 0; p < kChannels; ++p) {
        for (int j = 0; j < rest; ++j) out[p * out_plane + j] = some[p * Kind::kGroup + j];
    }
}

template <typename T>
void resize_words(const std::int16_t* words, std::size_t plane, const WordFilter& filter,
                  const Planes& planes, T* out, std::size_t out_plane) {
    const Scaling scales = scaling(planes, plane);
    if (filter.near) {
        switch (filter.steps) {
            case 1: return resize_groups<Near<1, T>>(words, filter, scales, out, out_plane);
            case 2: return resize_groups<Near<2, T>>(words, filter, scales, out, out_plane);
            default: return resize_groups<Near<kMostPairs, T>>(words, filter, scales, out, out_plane);
        }
    }
    switch (filter.steps) {
        case 1: return resize_groups<Far<1, T>>(words, filter, scales, out, out_plane);
        case 2: return resize_groups<Far<2, T>>(words, filter, scales, out, out_plane);
        default: return resize_groups<Far<0, T>>(words, filter, scales, out, out_plane);
    }
}

constexpr WordLoops word_loops() {
    WordLoops loops = kShape;
    loops.blend = blend_words;
    loops.spread = spread_words;
    loops.resize = resize_words<float>;
    loops.resize_half = resize_words<Half>;
    return loops;
}

}  // namespace
}  // namespace piza
