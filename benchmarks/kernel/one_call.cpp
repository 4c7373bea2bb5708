// Calls the CPU kernel on one task, for a profiler to count the instructions of `counted`.
//
//   one_call FRAME_WIDTH FRAME_HEIGHT X1 Y1 X2 Y2 HEIGHT WIDTH
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

extern "C" __attribute__((noinline)) void counted(Call* call) {
    call->scratch.crop_resize(call->frame, &call->window, 1, call->planes, call->output, 1);
}

int main(int count, char** words) {
    if (count != 9) return 2;
    const auto whole = [&](int k) { return std::atoi(words[k]); };
    const auto number = [&](int k) { return std::atof(words[k]); };
    const int width = whole(1), height = whole(2);
    const std::vector<std::uint8_t> bytes(static_cast<std::size_t>(3) * width * height, 100);
    std::vector<float> out(static_cast<std::size_t>(3) * whole(7) * whole(8));
    Call call{{bytes.data(), height, width, 3 * width, 3, 1, nullptr, 0},
              {number(3), number(4), number(5), number(6)},
              {{2, 1, 0}, {0.01F, 0.02F, 0.03F}, {-1.0F, -2.0F, -3.0F}},
              {out.data(), whole(7), whole(8)},
              {}};
    call.scratch.crop_resize(call.frame, &call.window, 1, call.planes, call.output, 1);  // makes room
    counted(&call);
    return 0;
}
