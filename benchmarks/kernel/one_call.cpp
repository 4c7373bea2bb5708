// Calls the CPU kernel on one task, for instructions to be counted or time to be taken.
//
//   one_call FRAME_WIDTH FRAME_HEIGHT X1 Y1 X2 Y2 HEIGHT WIDTH [CALLS]
//
// One call warms up; `counted` is then called CALLS times (once), which is what a profiler is to
// look at. Prints the instruction set, and the least nanoseconds of a call.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "crop_resize_cpu.hpp"

namespace {

struct Call {
    piza::Frame frame;
    piza::Window window;
    piza::Planes planes;
    piza::Output<float> output;
    piza::Scratch scratch;
};

}  // namespace

extern "C"
#if defined(__GNUC__)
__attribute__((noinline))
#endif
void counted(void* argument) {
    Call& call = *static_cast<Call*>(argument);
    call.scratch.crop_resize(call.frame, &call.window, 1, call.planes, call.output, 1);
}

int main(int count, char** words) {
    if (count < 9) return std::fprintf(stderr, "expected 8 numbers: see one_call.cpp\n"), 2;
    const auto whole = [&](int k) { return std::atoi(words[k]); };
    const int width = whole(1), height = whole(2);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(3) * width * height);
    unsigned state = 1;
    for (std::uint8_t& byte : bytes) {
        byte = static_cast<std::uint8_t>((state = state * 1664525U + 1013904223U) >> 24);
    }
    std::vector<float> out(static_cast<std::size_t>(3) * whole(7) * whole(8));
    Call call{{bytes.data(), height, width, 3 * width, 3, 1, nullptr, 0},
              {std::atof(words[3]), std::atof(words[4]), std::atof(words[5]), std::atof(words[6])},
              {{2, 1, 0}, {0.01F, 0.02F, 0.03F}, {-1.0F, -2.0F, -3.0F}},
              {out.data(), whole(7), whole(8)},
              {}};
    call.scratch.crop_resize(call.frame, &call.window, 1, call.planes, call.output, 1);
    long long least = -1;
    for (int n = count > 9 ? whole(9) : 1; n > 0; --n) {
        const auto begin = std::chrono::steady_clock::now();
        counted(&call);
        const long long ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::steady_clock::now() - begin).count();
        least = least < 0 ? ns : std::min(least, ns);
    }
    std::printf("%s %lld\n", piza::instruction_set(), least);
    return 0;
}
