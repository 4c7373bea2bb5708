// The CUDA kernel's phases, run on the host: loops over blocks and threads take the place of the
// grid, so that index arithmetic and memory are checked where there is no GPU, sanitizers included.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <vector>

#include "blend.hpp"
#include "check.hpp"
#include "pictures.hpp"
#include "reference.hpp"

namespace {

using piza::Frame;
using piza::Half;
using piza::Planes;
using piza::Window;

constexpr double kTolerance = 1e-4;  // of values in 0..1
const Planes kBgr{{2, 1, 0}, {1 / 255.0F, 1 / 255.0F, 1 / 255.0F}, {0.0F, 0.0F, 0.0F}};

template <bool kWords, typename T>
void run_block(const piza::Job& job, const piza::Place& place, piza::Tile& tile, T* out) {
    // Nothing orders the threads of a phase: each phase goes through them in an order of its own.
    static Random random(6);
    std::vector<int> order(piza::kThreads);
    std::iota(order.begin(), order.end(), 0);
    const auto threads = [&](auto&& phase) {
        std::shuffle(order.begin(), order.end(), random);
        for (const int thread : order) phase(thread);
    };
    struct Registers {
        piza::Quad sums[piza::kChannels];
    };
    std::vector<Registers> registers(piza::kThreads);
    threads([&](int t) { piza::place_window(tile, job, place, t); });
    threads([&](int t) { piza::place_taps(tile, place, t); });
    CHECK(tile.low % 4 == 0);  // the words of a row begin there
    for (int chunk = tile.low; chunk < tile.high; chunk += piza::kChunkPixels) {
        threads([&](int t) { piza::blend_rows<kWords>(tile, job, chunk, t); });
        threads([&](int t) { piza::blend_columns(tile, chunk, t, registers[t].sums); });
    }
    threads([&](int t) { piza::exchange(tile, t, registers[t].sums); });
    threads([&](int t) { piza::write(tile, job, place, t, out); });
}

// Shared memory begins as it may on a device: with anything, here with numbers that would show.
template <typename T>
void run_grid(const piza::Job& job, int count, T* out) {
    const auto tile = std::make_unique<piza::Tile>();
    for (int window = 0; window < count; ++window) {
        for (int row = 0; row < job.out_height; row += piza::kTile) {
            for (int column = 0; column < job.out_width; column += piza::kTile) {
                std::memset(static_cast<void*>(tile.get()), 0xFF, sizeof(piza::Tile));
                const piza::Place place{column, row, window};
                if (piza::has_words(job.frame)) {
                    run_block<true>(job, place, *tile, out);
                } else {
                    run_block<false>(job, place, *tile, out);
                }
            }
        }
    }
}

double value_of(float value) { return value; }

double value_of(Half half) {
    const int exponent = half.bits >> 10 & 31, fraction = half.bits & 1023;
    const double magnitude = exponent == 0 ? std::ldexp(fraction, -24)
                                           : std::ldexp(1024 + fraction, exponent - 25);
    return half.bits >> 15 != 0 ? -magnitude : magnitude;
}

// One unit in the last place of a half beside the tolerance of the blending itself.
double tolerance_of(float, double) { return kTolerance; }
double tolerance_of(Half, double value) {
    return kTolerance + std::ldexp(1.0, std::ilogb(std::max(std::abs(value), 1e-4)) - 10);
}

template <typename T>
void expect(const Frame& frame, const std::vector<Window>& windows, int height, int width,
            const Planes& planes = kBgr) {
    std::vector<float> xyxy;
    for (const Window& window : windows) {
        for (double value : {window.x1, window.y1, window.x2, window.y2}) {
            xyxy.push_back(static_cast<float>(value));
        }
    }
    const int count = static_cast<int>(windows.size());
    const std::size_t size = static_cast<std::size_t>(piza::kChannels) * height * width;
    std::vector<T> out(size * count);
    std::memset(static_cast<void*>(out.data()), 0x55, out.size() * sizeof(T));
    run_grid(piza::Job{frame, xyxy.data(), height, width, planes}, count, out.data());
    for (int n = 0; n < count; ++n) {
        const float* w = &xyxy[4 * n];
        const std::vector<double> expected =
            reference(frame, {w[0], w[1], w[2], w[3]}, height, width, planes);
        for (std::size_t i = 0; i < size; ++i) {
            const T found = out[n * size + i];
            const double error = std::abs(value_of(found) - expected[i]);
            if (error <= tolerance_of(found, expected[i])) continue;
            std::fprintf(stderr, "window (%g %g %g %g) of %td x %td -> %d x %d, value %zu: ", w[0],
                         w[1], w[2], w[3], frame.height, frame.width, height, width, i);
            std::fprintf(stderr, "%g, expected %g\n", value_of(found), expected[i]);
            CHECK(false);
        }
    }
}

void random_cases() {
    Random random(1);
    for (int round = 0; round < 250; ++round) {
        const int largest = round % 10 == 0 ? 400 : 90;
        const Picture picture =
            any_picture(random, between(random, 1, largest), between(random, 1, largest));
        const std::vector<Window> windows = {any_window(random, picture.frame),
                                             any_window(random, picture.frame)};
        const int height = between(random, 1, 75), width = between(random, 1, 75);
        if (round % 3 == 0) {
            expect<Half>(picture.frame, windows, height, width);
        } else {
            expect<float>(picture.frame, windows, height, width);
        }
    }
}

void extreme_scales() {
    Random random(2);
    const Picture large = packed(random, 600, 1001, 4);
    const Window all{0.0, 0.0, 1001.0, 600.0};
    expect<float>(large.frame, {all}, 3, 5);      // a ratio of 200
    expect<float>(large.frame, {all}, 1, 1);
    expect<float>(large.frame, {all}, 208, 347);  // the one of 4K -> 800 x 1333
    expect<float>(large.frame, {{3.3, 7.7, 4.1, 8.2}}, 90, 150);
    expect<float>(large.frame, {{0.0, 100.0, 1001.0, 101.5}}, 40, 100);  // one axis of each kind
    expect<float>(large.frame, {{100.0, 0.0, 101.5, 600.0}}, 100, 40);
    const Picture strip = packed(random, 2, 16384, 0);
    expect<float>(strip.frame, {{0.0, 0.0, 16384.0, 2.0}}, 2, 80);
    const Picture tower = gray(random, 16384, 2);
    expect<float>(tower.frame, {{0.0, 0.0, 2.0, 16384.0}}, 80, 2);
}

void exact_values() {
    Random random(3);
    const Picture picture = packed(random, 40, 52, 0);
    expect<Half>(picture.frame, {{0.0, 0.0, 52.0, 40.0}}, 40, 52);
    const Planes normalised{{0, 1, 2}, {0.5F, 2.0F, 1e-3F}, {-60.0F, 3.0F, -0.1F}};
    const piza::Job job{picture.frame, nullptr, 40, 52, normalised};
    const std::vector<float> all = {0.0F, 0.0F, 52.0F, 40.0F};
    std::vector<float> out(3 * 40 * 52);
    run_grid(piza::Job{job.frame, all.data(), 40, 52, normalised}, 1, out.data());
    for (int i = 0; i < 40 * 52; ++i) {
        for (int p = 0; p < 3; ++p) {
            const std::uint8_t byte = picture.frame.data[3 * i + p];
            CHECK(out[p * 40 * 52 + i] == byte * normalised.scale[p] + normalised.bias[p]);
        }
    }
}

// What no check can refuse on a device: nothing is touched that is not the frame's, and where
// nothing is to be seen everything is 0.
void hostile_windows() {
    Random random(4);
    const Picture picture = packed(random, 30, 50, 0);
    const float huge = std::numeric_limits<float>::max();
    const float infinity = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float tiny = std::numeric_limits<float>::denorm_min();
    const std::vector<float> values = {nan,  -nan,  infinity, -infinity, huge,     -huge,
                                       0.0F, 50.0F, 30.0F,    tiny,      -tiny,    49.9999F,
                                       1e9F, 12.5F, -7.0F,    -1e-3F};
    const auto any = [&] { return values[between(random, 0, 15)]; };
    for (int round = 0; round < 1500; ++round) {
        std::vector<float> xyxy = {any(), any(), any(), any()};
        if (round % 3 == 0) {
            for (float& value : xyxy) {
                const std::uint32_t bits = static_cast<std::uint32_t>(random());
                std::memcpy(&value, &bits, sizeof value);
            }
        }
        const bool seen = xyxy[0] < xyxy[2] && xyxy[1] < xyxy[3] && xyxy[0] < 50.0F &&
                          xyxy[1] < 30.0F && xyxy[2] > 0.0F && xyxy[3] > 0.0F;
        std::vector<float> out(3 * 9 * 34, nan);
        run_grid(piza::Job{picture.frame, xyxy.data(), 9, 34, kBgr}, 1, out.data());
        bool zero = true;
        for (const float value : out) {
            CHECK(value >= 0.0F && value <= 1.0001F);
            zero = zero && value == 0.0F;
        }
        CHECK(seen != zero);
    }
}

void windows_that_leave_the_frame() {
    Random random(5);
    const Picture picture = packed(random, 64, 64, 0);
    const std::vector<float> outside = {-20.0F, -1e9F, 32.0F, 48.0F};
    const std::vector<float> inside = {-1e-3F, -1e-3F, 32.0F, 48.0F};
    std::vector<float> first(3 * 40 * 40), second(3 * 40 * 40);
    run_grid(piza::Job{picture.frame, outside.data(), 40, 40, kBgr}, 1, first.data());
    run_grid(piza::Job{picture.frame, inside.data(), 40, 40, kBgr}, 1, second.data());
    for (std::size_t i = 0; i < first.size(); ++i) CHECK(std::abs(first[i] - second[i]) < 1e-6F);
}

// A wavefront of 8 lanes moves 16 bytes each; no two of them may lie in the same of 8 bank groups.
void no_bank_conflicts() {
    for (int lane = 0; lane + 8 <= piza::kChunkBytes / 4; lane += 8) {
        for (int i = 0; i < 4; ++i) {
            unsigned stored = 0;
            for (int k = 0; k < 8; ++k) stored |= 1U << piza::unit_of(4 * (lane + k) + i, 3) % 8;
            CHECK(stored == 0xFF);
        }
    }
    for (int byte = 0; byte < piza::kChunkBytes; ++byte) {
        unsigned loaded = 0;
        for (int quad = 0; quad < 8; ++quad) loaded |= 1U << piza::unit_of(byte, quad) % 8;
        CHECK(loaded == 0xFF);
    }
}

}  // namespace

int main() {
    no_bank_conflicts();
    exact_values();
    hostile_windows();
    windows_that_leave_the_frame();
    extreme_scales();
    random_cases();
    return 0;
}
