// The CPU kernel without Python: instruction sets agree, buffers are kept, memory is respected.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include "check.hpp"
#include "crop_resize_cpu.hpp"
#include "crop_resize_loops.hpp"
#include "pictures.hpp"
#include "reference.hpp"

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

const piza::Planes kPlanes{{2, 1, 0}, {0.01F, 0.02F, 0.03F}, {-1.0F, -2.0F, -3.0F}};

// The same pixels, one after the other.
Picture repacked(const piza::Frame& frame) {
    Random random(0);
    Picture copy = packed(random, static_cast<int>(frame.height), static_cast<int>(frame.width), 0);
    for (std::ptrdiff_t y = 0; y < frame.height; ++y) {
        for (std::ptrdiff_t x = 0; x < frame.width; ++x) {
            std::uint8_t* const pixel = copy.memory[0].get() + y * copy.frame.row_stride + 3 * x;
            piza::read_pixel(frame, y, x, pixel);
        }
    }
    return copy;
}

// A window whose ends are a rounding error away from whole pixels, one pixel for one.
piza::Window nearly_whole(Random& random, const piza::Frame& frame) {
    const auto side = [&](std::ptrdiff_t size, double* low, double* high) {
        const int from = between(random, 0, static_cast<int>(size) - 1);
        *low = from;
        *high = between(random, from + 1, static_cast<int>(size));
        for (int n = between(random, 0, 3); n > 0; --n) {
            *low = std::nextafter(*low, 1e9);
            *high = std::nextafter(*high, between(random, 0, 1) == 0 ? 1e9 : 0.0);
        }
    };
    piza::Window window{};
    side(frame.width, &window.x1, &window.x2);
    side(frame.height, &window.y1, &window.y2);
    return window;
}

// Everything is exactly as large as it must be, buffers included: a sanitizer sees what steps over.
void random_cases() {
    Random random(1);
    for (int round = 0; round < 1500; ++round) {
        const Picture picture =
            any_picture(random, between(random, 1, 60), between(random, 1, 60));
        const piza::Frame& frame = picture.frame;
        const bool whole = between(random, 0, 2) == 0;
        const piza::Window window =
            whole ? nearly_whole(random, frame) : any_window(random, frame);
        int height = between(random, 1, 90), width = between(random, 1, 90);
        if (whole) {
            height = static_cast<int>(std::lround(window.y2 - window.y1));
            width = static_cast<int>(std::lround(window.x2 - window.x1));
        }
        const std::size_t size = static_cast<std::size_t>(3) * height * width;
        std::vector<float> single(size, NAN), from_packed(size, NAN);
        std::vector<piza::Half> half(size);
        piza::Planes planes = kPlanes;
        if (frame.chroma != nullptr) std::swap(planes.source[0], planes.source[2]);
        piza::Scratch().crop_resize(frame, &window, 1, planes,
                                    piza::Output<float>{single.data(), height, width}, 1);
        piza::Scratch().crop_resize(frame, &window, 1, planes,
                                    piza::Output<piza::Half>{half.data(), height, width}, 1);
        piza::Scratch().crop_resize(repacked(frame).frame, &window, 1, planes,
                                    piza::Output<float>{from_packed.data(), height, width}, 1);
        CHECK(single == from_packed);
        for (std::size_t i = 0; i < size; ++i) {
            piza::Half expected{};
            piza::store(single[i], &expected);
            CHECK(std::isfinite(single[i]));
            CHECK(half[i].bits == expected.bits);
        }
    }
}

// Sizes about those at which the loops of words begin and end their blocks and groups, filters of
// all lengths; every kind of window.
void pictures_are_right() {
    Random random(5);
    const piza::Planes grey{{2, 1, 0}, {1.0F, 1.0F, 1.0F}, {0.0F, 0.0F, 0.0F}};
    double sum = 0.0;
    std::size_t count = 0;
    for (int round = 0; round < 400; ++round) {
        const Picture picture =
            any_picture(random, between(random, 1, 120), between(random, 30, 260));
        const piza::Frame& frame = picture.frame;
        const piza::Window window = any_window(random, frame);
        const bool same = between(random, 0, 3) == 0;
        const double part = 1.0 / between(random, 1, 9);  // exact halves and quarters among them
        const auto side = [&](double length) {
            const int most = std::max(static_cast<int>(length * (same ? part : 2.0)), 1);
            return same ? most : between(random, 1, most);
        };
        const int height = side(window.y2 - window.y1), width = side(window.x2 - window.x1);
        const std::vector<double> expected = reference(frame, window, height, width, grey);
        std::vector<float> found(expected.size(), NAN);
        piza::Scratch().crop_resize(frame, &window, 1, grey,
                                    piza::Output<float>{found.data(), height, width}, 1);
        for (std::size_t i = 0; i < found.size(); ++i) {
            const double error = std::abs(found[i] - expected[i]);
            CHECK(error < 0.1);  // 4e-4 of the range
            sum += error;
        }
        count += found.size();
    }
    CHECK(sum / count < 0.01);
}

void threads_change_nothing() {
    Random random(2);
    const std::vector<piza::Window> windows = {{0, 0, 900, 700}, {10.5, 20.25, 300, 310}};
    for (const Picture& picture : {packed(random, 700, 900, 0), nv12(random, 350, 450)}) {
        std::vector<float> alone(2 * 3 * 400 * 500, NAN), several(alone);
        piza::Scratch scratch;
        scratch.crop_resize(picture.frame, windows.data(), 2, kPlanes,
                            piza::Output<float>{alone.data(), 400, 500}, 1);
        scratch.crop_resize(picture.frame, windows.data(), 2, kPlanes,
                            piza::Output<float>{several.data(), 400, 500}, 5);
        CHECK(alone == several);
    }
}

void second_call_allocates_nothing() {
    Random random(3);
    const Picture pictures[] = {packed(random, 200, 300, 0), planar(random, 200, 300)};
    const piza::Window windows[] = {{0, 0, 300, 200}, {40, 30, 80, 60}};
    std::vector<float> out(2 * 3 * 64 * 96);
    const piza::Output<float> output{out.data(), 64, 96};
    piza::Scratch scratch;
    for (const Picture& picture : pictures) {
        scratch.crop_resize(picture.frame, windows, 2, kPlanes, output, 1);
        const std::size_t before = allocations;
        scratch.crop_resize(picture.frame, windows, 2, kPlanes, output, 1);
        CHECK(allocations == before);
    }
}

std::vector<std::uint8_t> random_bytes(Random& random, std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
}

// What one of the instruction sets makes of rows of pixels.
struct Made {
    std::vector<float> floats;
    std::vector<std::uint16_t> halves;
    std::vector<std::uint8_t> bytes;
};

Made make(const piza::Loops& loops, const std::vector<const std::uint8_t*>& lines,
          const std::vector<float>& weights, const piza::Filter& filter, std::size_t length,
          const piza::Frame& frame, int width) {
    const int count = static_cast<int>(lines.size());
    const auto plane = static_cast<std::size_t>(width);
    std::vector<float> row(length + piza::kRowPadding), next(row), out(8 * plane);
    std::vector<piza::Half> half(4 * plane);
    loops.blend_rows(lines.data(), weights.data(), count, length, row.data());
    loops.blend_between(lines.data(), weights.data(), count, length, row.data(), next.data());
    loops.blend_columns(row.data(), filter, width, kPlanes, out.data(), plane);
    loops.blend_columns(next.data(), filter, width, kPlanes, out.data() + 3 * plane, plane);
    loops.mix(out.data(), out.data() + plane, weights.data(), width, out.data() + 6 * plane, 0);
    loops.blend_columns_half(row.data(), filter, width, kPlanes, half.data(), plane);
    loops.mix_half(out.data(), out.data() + plane, weights.data(), width, half.data() + 3 * plane,
                   0);
    Made made{out, {}, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * frame.width))};
    for (const piza::Half& each : half) made.halves.push_back(each.bits);
    loops.pack_row(frame, frame.height / 2, 0, frame.width, made.bytes.data());
    return made;
}

void instruction_sets_agree() {
    std::vector<const piza::Loops*> others = {&piza::best_loops()};
#if defined(PIZA_X86)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        others.push_back(&piza::loops_avx2);
    }
#endif
    Random random(4);
    for (int round = 0; round < 300; ++round) {
        const int taps = between(random, 1, 20), width = between(random, 1, 200);
        const int pixels = between(random, taps, 300);
        const auto length = static_cast<std::size_t>(pixels) * 3;
        std::vector<std::vector<std::uint8_t>> rows;
        std::vector<const std::uint8_t*> lines;
        for (int k = 0; k < taps; ++k) rows.push_back(random_bytes(random, length));
        for (const auto& row : rows) lines.push_back(row.data());
        std::vector<float> weights(static_cast<std::size_t>(std::max(width, 2)) * taps);
        std::vector<int> first(static_cast<std::size_t>(width));
        for (float& weight : weights) weight = static_cast<float>(random() % 1000) / 1000.0F / taps;
        for (int& at : first) at = 3 * between(random, 0, pixels - taps);
        const piza::Filter filter{taps, first.data(), weights.data()};
        const Picture picture = any_picture(random, 4, between(random, 1, 200));
        const auto run = [&](const piza::Loops& loops) {
            return make(loops, lines, weights, filter, length, picture.frame, width);
        };
        const Made expected = run(piza::loops_baseline);
        for (const piza::Loops* loops : others) {
            const Made found = run(*loops);
            for (std::size_t i = 0; i < expected.floats.size(); ++i) {
                CHECK(std::abs(found.floats[i] - expected.floats[i]) < 1e-4F);
            }
            for (std::size_t i = 0; i < expected.halves.size(); ++i) {  // one step, or the sign of 0
                const int apart = std::abs(found.halves[i] - expected.halves[i]);
                CHECK(apart <= 1 || (found.halves[i] & 0x7FFF) < 0x0900);
            }
            CHECK(found.bytes == expected.bytes);
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
    pictures_are_right();
    threads_change_nothing();
    second_call_allocates_nothing();
    instruction_sets_agree();
    halves_are_rounded_to_even();
    return 0;
}
