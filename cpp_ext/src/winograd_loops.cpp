// Compiled once for each instruction set, PIZA_LOOPS being the name of the result; see
// crop_resize_loops.cpp for what that forbids.
#include "winograd.hpp"

#include "lanes.hpp"

namespace piza {
namespace {

#if defined(__AVX512F__)
constexpr std::size_t kWide = 3;  // lanes of a row that a product works on at once
#else
constexpr std::size_t kWide = 1;
#endif

typedef float Four __attribute__((vector_size(16)));
typedef float LooseFour __attribute__((vector_size(16), aligned(4), may_alias));

#if defined(__clang__)
#define PIZA_PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef std::int32_t FourWholes __attribute__((vector_size(16)));
#define PIZA_PICK(a, b, ...) __builtin_shuffle(a, b, FourWholes{__VA_ARGS__})
#endif

// Four rows as four columns.
inline void turn(Four& a, Four& b, Four& c, Four& d) {
    const Four ab = PIZA_PICK(a, b, 0, 4, 1, 5), cd = PIZA_PICK(c, d, 0, 4, 1, 5);
    const Four ab_high = PIZA_PICK(a, b, 2, 6, 3, 7), cd_high = PIZA_PICK(c, d, 2, 6, 3, 7);
    a = PIZA_PICK(ab, cd, 0, 1, 4, 5);
    b = PIZA_PICK(ab, cd, 2, 3, 6, 7);
    c = PIZA_PICK(ab_high, cd_high, 0, 1, 4, 5);
    d = PIZA_PICK(ab_high, cd_high, 2, 3, 6, 7);
}

inline Four load_four(const float* floats) { return *reinterpret_cast<const LooseFour*>(floats); }
inline void save_four(const Four& four, float* floats) {
    *reinterpret_cast<LooseFour*>(floats) = four;
}

inline void clear(float* floats, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k) floats[k] = 0.0F;
}

// Where tiles lie: `first` is the first row of tiles, of `down` by `across`.
struct Tiles {
    std::size_t first, down, across;

    std::size_t count() const { return down * across; }
    std::size_t columns() const { return kOutside * across; }
};

// Rows of the image, and the zeros around it, pixel by pixel: (4 * down + 2, 4 * across + 2, C).
void gather(const Convolution& all, const Tiles& tiles, float* pixels) {
    const std::size_t plane = all.height * all.width, row = (tiles.columns() + 2) * all.channels;
    for (std::size_t y = 0; y < kOutside * tiles.down + 2; ++y, pixels += row) {
        const std::size_t line = kOutside * tiles.first + y;  // of the image with its border
        if (line == 0 || line > all.height) {
            clear(pixels, row);
            continue;
        }
        const float* const from = all.image + (line - 1) * all.width;
        float* const to = pixels + all.channels;
        clear(pixels, all.channels);
        clear(to + all.width * all.channels, row - (all.width + 1) * all.channels);
        std::size_t x = 0;
        for (; x + 4 <= all.width; x += 4) {
            for (std::size_t c = 0; c < all.channels; c += 4) {
                const float* const four = from + c * plane + x;
                Four rows[4] = {load_four(four), load_four(four + plane),
                                load_four(four + 2 * plane), load_four(four + 3 * plane)};
                turn(rows[0], rows[1], rows[2], rows[3]);
                for (std::size_t k = 0; k < 4; ++k) {
                    save_four(rows[k], to + (x + k) * all.channels + c);
                }
            }
        }
        for (; x < all.width; ++x) {
            for (std::size_t c = 0; c < all.channels; ++c) {
                to[x * all.channels + c] = from[c * plane + x];
            }
        }
    }
}

// What a filter is multiplied with, of six in a row or a column.
inline void spread(const Lanes* in, std::size_t step, Lanes* out, std::size_t by) {
    const Lanes a = in[4 * step] - 4.0F * in[2 * step], b = in[3 * step] - 4.0F * in[step];
    const Lanes c = in[4 * step] - in[2 * step], d = 2.0F * (in[3 * step] - in[step]);
    out[0] = 4.0F * (in[0] - in[2 * step]) - in[2 * step] + in[4 * step];
    out[by] = a + b;
    out[2 * by] = a - b;
    out[3 * by] = c + d;
    out[4 * by] = c - d;
    out[5 * by] = 4.0F * (in[step] - in[3 * step]) - in[3 * step] + in[5 * step];
}

// Pixels of each tile as (36, tiles, C).
void transform(const Convolution& all, const Tiles& tiles, const float* pixels, float* out) {
    const std::size_t row = (tiles.columns() + 2) * all.channels;
    for (std::size_t down = 0; down < tiles.down; ++down) {
        for (std::size_t across = 0; across < tiles.across; ++across) {
            const float* const tile = pixels + kOutside * (down * row + across * all.channels);
            float* const to = out + (down * tiles.across + across) * all.channels;
            for (std::size_t c = 0; c < all.channels; c += kLanes) {
                Lanes half[kPlaces];
                for (std::size_t x = 0; x < kInside; ++x) {
                    Lanes column[kInside];
                    for (std::size_t y = 0; y < kInside; ++y) {
                        column[y] = load(tile + y * row + x * all.channels + c);
                    }
                    spread(column, 1, half + x, kInside);
                }
                for (std::size_t y = 0; y < kInside; ++y) {
                    Lanes line[kInside];
                    spread(half + y * kInside, 1, line, 1);
                    for (std::size_t x = 0; x < kInside; ++x) {
                        save(line[x],
                             to + (y * kInside + x) * tiles.count() * all.channels + c);
                    }
                }
            }
        }
    }
}

// kCount rows of left (., depth) times kAcross lanes of right (depth, stride) -> out (., stride)
template <std::size_t kCount, std::size_t kAcross>
inline void product(const float* left, const float* right, std::size_t depth, std::size_t stride,
                    float* out) {
    Lanes sums[kCount][kAcross] = {};
    for (std::size_t k = 0; k < depth; ++k) {
        Lanes some[kAcross];
        for (std::size_t w = 0; w < kAcross; ++w) some[w] = load(right + k * stride + w * kLanes);
        for (std::size_t row = 0; row < kCount; ++row) {
            for (std::size_t w = 0; w < kAcross; ++w) {
                sums[row][w] += left[row * depth + k] * some[w];
            }
        }
    }
    for (std::size_t row = 0; row < kCount; ++row) {
        for (std::size_t w = 0; w < kAcross; ++w) {
            save(sums[row][w], out + row * stride + w * kLanes);
        }
    }
}

template <std::size_t kAcross>
void products(const float* left, const float* right, std::size_t rows, std::size_t depth,
              std::size_t stride, float* out) {
    std::size_t row = 0;
    for (; row + kMostRows <= rows; row += kMostRows) {
        product<kMostRows, kAcross>(left + row * depth, right, depth, stride, out + row * stride);
    }
    for (; row + 2 <= rows; row += 2) {
        product<2, kAcross>(left + row * depth, right, depth, stride, out + row * stride);
    }
    for (; row < rows; ++row) {
        product<1, kAcross>(left + row * depth, right, depth, stride, out + row * stride);
    }
}

// (tiles, C) times (C, K), at each of the 36 places.
void multiply_all(const Convolution& all, std::size_t tiles, const float* spread, float* out) {
    for (std::size_t place = 0; place < kPlaces; ++place) {
        const float* const left = spread + place * tiles * all.channels;
        const float* const right = all.weights + place * all.channels * all.filters;
        float* const to = out + place * tiles * all.filters;
        std::size_t k = 0;
        for (; k + kWide * kLanes <= all.filters; k += kWide * kLanes) {
            products<kWide>(left, right + k, tiles, all.channels, all.filters, to + k);
        }
        for (; kWide > 1 && k + 2 * kLanes <= all.filters; k += 2 * kLanes) {
            products<2>(left, right + k, tiles, all.channels, all.filters, to + k);
        }
        for (; k < all.filters; k += kLanes) {
            products<1>(left, right + k, tiles, all.channels, all.filters, to + k);
        }
    }
}

// Four outputs of six products in a row or a column.
inline void gathered(const Lanes* in, Lanes* out, std::size_t by) {
    const Lanes a = in[1] + in[2], b = in[1] - in[2], c = in[3] + in[4], d = in[3] - in[4];
    out[0] = in[0] + a + c;
    out[by] = b + 2.0F * d;
    out[2 * by] = a + 4.0F * c;
    out[3 * by] = b + 8.0F * d + in[5];
}

// Products as pixels: (4 * down, 4 * across, K), the bias added.
void restore(const Convolution& all, const Tiles& tiles, const float* in, float* pixels) {
    const std::size_t row = tiles.columns() * all.filters;
    for (std::size_t down = 0; down < tiles.down; ++down) {
        for (std::size_t across = 0; across < tiles.across; ++across) {
            const float* const from = in + (down * tiles.across + across) * all.filters;
            float* const tile = pixels + kOutside * (down * row + across * all.filters);
            for (std::size_t k = 0; k < all.filters; k += kLanes) {
                const Lanes bias = load(all.bias + k);
                Lanes half[kOutside * kInside];
                for (std::size_t x = 0; x < kInside; ++x) {
                    Lanes column[kInside];
                    for (std::size_t y = 0; y < kInside; ++y) {
                        column[y] =
                            load(from + (y * kInside + x) * tiles.count() * all.filters + k);
                    }
                    gathered(column, half + x, kInside);
                }
                for (std::size_t y = 0; y < kOutside; ++y) {
                    Lanes line[kOutside];
                    gathered(half + y * kInside, line, 1);
                    for (std::size_t x = 0; x < kOutside; ++x) {
                        save(line[x] + bias, tile + y * row + x * all.filters + k);
                    }
                }
            }
        }
    }
}

// Pixels as planes, the residual added, and nothing below 0.
void scatter(const Convolution& all, const Tiles& tiles, const float* pixels) {
    const std::size_t plane = all.height * all.width, row = tiles.columns() * all.filters;
    const std::size_t top = kOutside * tiles.first;
    for (std::size_t y = 0; y < kOutside * tiles.down && top + y < all.height; ++y) {
        const float* const from = pixels + y * row;
        const std::size_t line = (top + y) * all.width;
        std::size_t x = 0;
        for (; x + 4 <= all.width; x += 4) {
            for (std::size_t k = 0; k < all.filters; k += 4) {
                const float* const four = from + x * all.filters + k;
                Four rows[4] = {load_four(four), load_four(four + all.filters),
                                load_four(four + 2 * all.filters),
                                load_four(four + 3 * all.filters)};
                turn(rows[0], rows[1], rows[2], rows[3]);
                for (std::size_t r = 0; r < 4; ++r) {
                    const std::size_t at = (k + r) * plane + line + x;
                    Four sum = rows[r];
                    if (all.residual != nullptr) sum += load_four(all.residual + at);
                    save_four(sum < 0.0F ? Four{} : sum, all.out + at);
                }
            }
        }
        for (; x < all.width; ++x) {
            for (std::size_t k = 0; k < all.filters; ++k) {
                const std::size_t at = k * plane + line + x;
                float sum = from[x * all.filters + k];
                if (all.residual != nullptr) sum += all.residual[at];
                all.out[at] = sum < 0.0F ? 0.0F : sum;
            }
        }
    }
}

}  // namespace

namespace winograd {

void PIZA_LOOPS(const Convolution& all, std::size_t from, std::size_t to, float* room) {
    const Tiles tiles{from, to - from, all.tiles_across()};
    const std::size_t most = all.channels > all.filters ? all.channels : all.filters;
    float* const pixels = room;
    float* const spread = pixels + (kOutside * tiles.down + 2) * (tiles.columns() + 2) * most;
    float* const products = spread + kPlaces * tiles.count() * all.channels;
    gather(all, tiles, pixels);
    transform(all, tiles, pixels, spread);
    multiply_all(all, tiles.count(), spread, products);
    restore(all, tiles, products, pixels);
    scatter(all, tiles, pixels);
}

}  // namespace winograd
}  // namespace piza
