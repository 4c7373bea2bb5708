// The CPU kernel without Python: instruction sets agree, buffers are kept, memory is respected.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include "check.hpp"
#include "cpu.hpp"
#include "loops.hpp"

namespace {

std::size_t allocations = 0;

}  // namespace

// Counts; the sanitizers still see malloc.
void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using Random = std::mt19937;

int between(Random& random, int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
}

std::vector<std::uint8_t> random_bytes(Random& random, std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
}

piza::Window random_window(Random& random, int height, int width) {
    std::uniform_real_distribution<double> unit(0.0, 1.0);
    const double x1 = unit(random) * (width - 0.5), y1 = unit(random) * (height - 0.5);
    return {x1, y1, x1 + 0.25 + unit(random) * (width - x1 - 0.25),
            y1 + 0.25 + unit(random) * (height - y1 - 0.25)};
}

const piza::Planes kPlanes{{2, 1, 0}, {0.01F, 0.02F, 0.03F}, {-1.0F, -2.0F, -3.0F}};

// Pictures and outputs are exactly as large as they must be: a sanitizer sees every step beyond.
void random_cases() {
    Random random(1);
    piza::Scratch scratch;
    for (int round = 0; round < 400; ++round) {
        const int height = 2 * between(random, 1, 60), width = 2 * between(random, 1, 60);
        const int kind = between(random, 0, 3);  // packed, planar, grey, NV12
        const std::ptrdiff_t h = height, w = width;
        const std::vector<std::uint8_t> bytes =
            random_bytes(random, static_cast<std::size_t>(kind < 2 ? h * w * 3 : h * w));
        const std::vector<std::uint8_t> chroma =
            random_bytes(random, static_cast<std::size_t>(h * w / 2));
        const piza::Frame frames[] = {
            {bytes.data(), h, w, 3 * w, 3, 1, nullptr, 0},
            {bytes.data(), h, w, w, 1, h * w, nullptr, 0},
            {bytes.data() + (h - 1) * w, h, w, -w, 1, 0, nullptr, 0},
            {bytes.data(), h, w, w, 1, 0, chroma.data(), w},
        };
        std::vector<piza::Window> windows;
        for (int n = between(random, 1, 3); n > 0; --n) {
            windows.push_back(random_window(random, height, width));
        }
        const int out_height = between(random, 1, 90), out_width = between(random, 1, 90);
        const std::size_t size = windows.size() * 3 * out_height * out_width;
        std::vector<float> single(size, NAN);
        std::vector<piza::Half> half(size);
        scratch.crop_resize(frames[kind], windows.data(), windows.size(), kPlanes,
                            piza::Output<float>{single.data(), out_height, out_width}, 1);
        scratch.crop_resize(frames[kind], windows.data(), windows.size(), kPlanes,
                            piza::Output<piza::Half>{half.data(), out_height, out_width}, 3);
        for (std::size_t i = 0; i < size; ++i) {
            piza::Half expected{};
            piza::store(single[i], &expected);
            CHECK(std::isfinite(single[i]));
            CHECK(half[i].bits == expected.bits);
        }
    }
}

void threads_write_everything() {
    Random random(2);
    const std::ptrdiff_t height = 700, width = 900;
    const auto bytes = random_bytes(random, static_cast<std::size_t>(height * width * 3));
    const piza::Frame frame{bytes.data(), height, width, width * 3, 3, 1, nullptr, 0};
    const std::vector<piza::Window> windows = {{0, 0, 900, 700}, {10.5, 20.25, 300, 310}};
    std::vector<float> alone(2 * 3 * 400 * 500, NAN), several(alone);
    piza::Scratch scratch;
    scratch.crop_resize(frame, windows.data(), 2, kPlanes,
                        piza::Output<float>{alone.data(), 400, 500}, 1);
    scratch.crop_resize(frame, windows.data(), 2, kPlanes,
                        piza::Output<float>{several.data(), 400, 500}, 5);
    CHECK(alone == several);
}

void second_call_allocates_nothing() {
    Random random(3);
    const auto bytes = random_bytes(random, 200 * 300 * 3);
    const piza::Frame packed{bytes.data(), 200, 300, 900, 3, 1, nullptr, 0};
    const piza::Frame planar{bytes.data(), 200, 300, 300, 1, 60000, nullptr, 0};
    const piza::Window windows[] = {{0, 0, 300, 200}, {40, 30, 80, 60}};
    std::vector<float> out(2 * 3 * 64 * 96);
    const piza::Output<float> output{out.data(), 64, 96};
    piza::Scratch scratch;
    for (const piza::Frame& frame : {packed, planar}) {
        scratch.crop_resize(frame, windows, 2, kPlanes, output, 1);
        const std::size_t before = allocations;
        scratch.crop_resize(frame, windows, 2, kPlanes, output, 1);
        CHECK(allocations == before);
    }
}

void instruction_sets_agree() {
    std::vector<const piza::Loops*> others = {&piza::best_loops()};
#if defined(PIZA_X86)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        others.push_back(&piza::loops_avx2);
    }
#endif
    Random random(4);
    for (int round = 0; round < 200; ++round) {
        const int taps = between(random, 1, 20), width = between(random, 1, 200);
        const int pixels = between(random, taps, 300);
        const auto length = static_cast<std::size_t>(pixels) * 3;
        std::vector<std::vector<std::uint8_t>> rows;
        std::vector<const std::uint8_t*> lines;
        for (int k = 0; k < taps; ++k) rows.push_back(random_bytes(random, length));
        for (const auto& row : rows) lines.push_back(row.data());
        std::vector<float> weights(static_cast<std::size_t>(width) * taps);
        std::vector<int> first(static_cast<std::size_t>(width));
        for (float& weight : weights) weight = static_cast<float>(random() % 1000) / 1000.0F / taps;
        for (int& at : first) at = 3 * between(random, 0, pixels - taps);
        const piza::Filter filter{taps, first.data(), weights.data()};
        const auto run = [&](const piza::Loops& loops) {
            std::vector<float> row(length + piza::kRowPadding);
            std::vector<float> out(static_cast<std::size_t>(width) * 4);
            loops.blend_rows(lines.data(), weights.data(), taps, length, row.data());
            loops.blend_columns(row.data(), filter, width, kPlanes, out.data(),
                                static_cast<std::size_t>(width));
            loops.mix(out.data(), out.data() + width, weights.data(), width,
                      out.data() + 3 * width);
            return out;
        };
        const std::vector<float> expected = run(piza::loops_baseline);
        for (const piza::Loops* loops : others) {
            const std::vector<float> found = run(*loops);
            for (std::size_t i = 0; i < expected.size(); ++i) {
                CHECK(std::abs(found[i] - expected[i]) < 1e-4F);
            }
        }
    }
}

void halves_are_rounded_to_even() {
    struct {
        float value;
        unsigned bits;
    } const cases[] = {
        {0.0F, 0x0000},      {-0.0F, 0x8000},     {1.0F, 0x3C00},         {-2.5F, 0xC100},
        {65504.0F, 0x7BFF},  {65519.0F, 0x7BFF},  {65520.0F, 0x7C00},     {1e30F, 0x7C00},
        {-INFINITY, 0xFC00}, {6.0e-8F, 0x0001},   {2.9e-8F, 0x0000},      {3e-5F, 0x01F7},
        {2049.0F, 0x6800},   {2051.0F, 0x6802},   {6.1035156e-5F, 0x0400}, {6.0975e-5F, 0x03FF},
    };
    for (const auto& one : cases) {
        piza::Half half{};
        piza::store(one.value, &half);
        CHECK(half.bits == one.bits);
    }
    piza::Half half{};
    piza::store(NAN, &half);
    CHECK((half.bits & 0x7C00) == 0x7C00 && (half.bits & 0x03FF) != 0);
}

}  // namespace

int main() {
    random_cases();
    threads_write_everything();
    second_call_allocates_nothing();
    instruction_sets_agree();
    halves_are_rounded_to_even();
    return 0;
}
